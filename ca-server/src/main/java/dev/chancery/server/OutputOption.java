package dev.chancery.server;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.PrintWriter;
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
      Object[] cells = columns.stream().map(column -> row.path(column).asText()).toArray();
      out.println(String.format(format, cells).stripTrailing());
    }
  }

  /** Prints one object, a line for each of its values; those inside sections by dotted path. */
  void object(PrintWriter out, JsonNode object) {
    if (form == Form.json) {
      out.println(object.toPrettyString());
    } else {
      lines(out, "", object);
    }
  }

  private static void lines(PrintWriter out, String prefix, JsonNode object) {
    for (Map.Entry<String, JsonNode> entry : object.properties()) {
      String key = prefix + entry.getKey();
      if (entry.getValue().isObject()) {
        lines(out, key + ".", entry.getValue());
      } else {
        out.printf("%-24s %s%n", key, entry.getValue().asText());
      }
    }
  }

  private static int width(JsonNode rows, String column) {
    int width = column.length();
    for (JsonNode row : rows) {
      width = Math.max(width, row.path(column).asText().length());
    }
    return width;
  }
}
