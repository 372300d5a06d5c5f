package dev.chancery.server;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import picocli.CommandLine.Option;

/** How a command prints what it found: for people, or as JSON for programs. */
final class OutputOption {
  enum Form {
    text,
    json
  }

  @Option(
      names = "--output",
      paramLabel = "text|json",
      description = "how to print (default: ${DEFAULT-VALUE})")
  private Form form = Form.text;

  /** Prints a list of objects as a table of these columns. */
  void table(PrintWriter out, JsonNode rows, List<String> columns) {
    if (form == Form.json) {
      out.println(rows.toPrettyString());
      return;
    }
    String format =
        columns.stream()
            .map(c -> "%-" + width(rows, c) + "s")
            .reduce((a, b) -> a + "  " + b)
            .orElse("%s");
    out.println(String.format(format, columns.toArray()).stripTrailing());
    for (JsonNode row : rows) {
      Object[] cells = columns.stream().map(column -> cell(row.path(column))).toArray();
      out.println(String.format(format, cells).stripTrailing());
    }
  }

  /**
   * Prints one object, a line for each of its values; those inside sections by dotted path. A list
   * of objects becomes a table below.
   */
  void object(PrintWriter out, JsonNode object) {
    if (form == Form.json) {
      out.println(object.toPrettyString());
      return;
    }
    lines(out, "", object);
    for (Map.Entry<String, JsonNode> entry : object.properties()) {
      if (isTable(entry.getValue())) {
        out.printf("%n%s:%n", entry.getKey());
        table(
            out,
            entry.getValue(),
            entry.getValue().path(0).properties().stream().map(Map.Entry::getKey).toList());
      }
    }
  }

  private static boolean isTable(JsonNode value) {
    return value.isArray() && value.path(0).isObject();
  }

  private static String cell(JsonNode value) {
    if (value.isArray()) {
      List<String> words = new ArrayList<>();
      value.forEach(word -> words.add(word.asText()));
      return String.join(", ", words);
    }
    return value.isNull() ? "-" : value.asText();
  }

  private static void lines(PrintWriter out, String prefix, JsonNode object) {
    for (Map.Entry<String, JsonNode> entry : object.properties()) {
      String key = prefix + entry.getKey();
      if (entry.getValue().isObject()) {
        lines(out, key + ".", entry.getValue());
      } else if (!isTable(entry.getValue())) {
        out.printf("%-24s %s%n", key, cell(entry.getValue()));
      }
    }
  }

  private static int width(JsonNode rows, String column) {
    int width = column.length();
    for (JsonNode row : rows) {
      width = Math.max(width, cell(row.path(column)).length());
    }
    return width;
  }
}
