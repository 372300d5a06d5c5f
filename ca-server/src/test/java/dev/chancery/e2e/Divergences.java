package dev.chancery.e2e;

import dev.chancery.e2e.Observation.Aspect;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;

/** In which parts of which answers this server and Pebble differ, and what each of them says. */
record Divergences(Map<Place, Pair> found) {
  private static final String HEADING = "## Beside Pebble";
  private static final String OTHERS = "all other steps";
  private static final int CELLS = 6;

  /** A part of the answer to a step of the script. */
  record Place(String step, Aspect aspect) {}

  /** What the two servers say there. */
  record Pair(String here, String pebble) {}

  /** The differences between two runs of the same script. */
  static Divergences between(Map<String, Observation> here, Map<String, Observation> pebble) {
    Map<Place, Pair> found = new LinkedHashMap<>();
    here.forEach((step, answer) -> {
      Observation other = pebble.get(step);
      for (Aspect aspect : answer.differing(other)) {
        found.put(new Place(step, aspect), new Pair(answer.value(aspect), other.value(aspect)));
      }
    });
    return new Divergences(found);
  }

  /**
   * The table below the heading {@value #HEADING} of a document: the section of RFC 8555, by which
   * the rows are ordered; steps, with semicolons between them; the part; what is said here; what
   * Pebble says; why. A row of {@value #OTHERS} is about each that no other row of its part names;
   * there both may say the same.
   *
   * @param steps all that there are
   */
  static Divergences listed(Path document, Set<String> steps) throws IOException {
    Map<Place, Pair> found = new LinkedHashMap<>();
    Map<Aspect, Pair> others = new EnumMap<>(Aspect.class);
    String section = "0";
    for (List<String> row : rows(document)) {
      if (row.size() != CELLS || row.stream().anyMatch(String::isBlank)) {
        throw new AssertionError("not a row of " + CELLS + " cells: " + row);
      }
      if (compare(section, row.get(0)) > 0) {
        throw new AssertionError("section " + row.get(0) + " stands after " + section);
      }
      section = row.get(0);
      Aspect aspect =
          Stream.of(Aspect.values())
              .filter(one -> one.toString().equals(row.get(2)))
              .findFirst()
              .orElseThrow(() -> new AssertionError("no part of an answer: " + row.get(2)));
      Pair pair = new Pair(row.get(3), row.get(4));
      for (String step : row.get(1).split(";", -1)) {
        Place place = new Place(step.strip(), aspect);
        boolean twice =
            place.step().equals(OTHERS)
                ? others.put(aspect, pair) != null
                : found.put(place, pair) != null;
        if (twice) {
          throw new AssertionError("listed twice: " + place);
        }
      }
    }
    others.forEach(
        (aspect, pair) -> steps.forEach(step -> found.putIfAbsent(new Place(step, aspect), pair)));
    found.values().removeIf(pair -> pair.here().equals(pair.pebble()));
    return new Divergences(found);
  }

  private static List<List<String>> rows(Path document) throws IOException {
    List<List<String>> rows = new ArrayList<>();
    boolean below = false;
    for (String line : Files.readAllLines(document)) {
      if (line.startsWith("## ")) {
        below = line.equals(HEADING);
      } else if (below && line.startsWith("|")) {
        rows.add(
            Stream.of(line.substring(1).split("\\|"))
                .map(cell -> cell.replace("`", "").strip())
                .toList());
      }
    }
    // The names of the columns and the line below them.
    return rows.subList(Math.min(2, rows.size()), rows.size());
  }

  private static int compare(String section, String other) {
    String[] left = section.split("\\.", -1);
    String[] right = other.split("\\.", -1);
    for (int i = 0; i < Math.min(left.length, right.length); i++) {
      int order = Integer.compare(Integer.parseInt(left[i]), Integer.parseInt(right[i]));
      if (order != 0) {
        return order;
      }
    }
    return Integer.compare(left.length, right.length);
  }

  /** Those that are not among others, as rows of the table without a section and a reason. */
  String without(Divergences others) {
    StringBuilder rows = new StringBuilder();
    found.forEach((place, pair) -> {
      if (!pair.equals(others.found.get(place))) {
        rows.append(
            "| | %s | %s | %s | %s | |%n"
                .formatted(place.step(), place.aspect(), pair.here(), pair.pebble()));
      }
    });
    return rows.toString();
  }
}
