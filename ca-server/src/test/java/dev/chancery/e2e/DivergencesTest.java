package dev.chancery.e2e;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.chancery.e2e.Divergences.Pair;
import dev.chancery.e2e.Divergences.Place;
import dev.chancery.e2e.Observation.Aspect;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@DisplayName("the table of differences from Pebble")
class DivergencesTest {
  private static final String FIRST = "| 6.5 | one; two | Link | a | b | why |\n";
  private static final String OTHERS = "| 7.1 | all other steps | Cache-Control | c | d | why |\n";

  @TempDir Path folder;

  @Test
  @DisplayName("has one difference for each step, and for each that has no row of its own")
  void rows() throws IOException {
    Divergences listed =
        listed(FIRST + OTHERS + "| 7.10 | two | Cache-Control | c | c | both have it |\n");
    assertThat(listed.found())
        .isEqualTo(
            Map.of(
                new Place("one", Aspect.LINK), new Pair("a", "b"),
                new Place("two", Aspect.LINK), new Pair("a", "b"),
                new Place("one", Aspect.CACHE_CONTROL), new Pair("c", "d"),
                new Place("three", Aspect.CACHE_CONTROL), new Pair("c", "d")));
  }

  @Test
  @DisplayName("tells what is not listed, what is listed otherwise and what is gone")
  void comparison() throws IOException {
    Divergences listed = listed(FIRST);
    Divergences found =
        new Divergences(
            Map.of(
                new Place("two", Aspect.LINK), new Pair("a", "other"),
                new Place("three", Aspect.LOCATION), new Pair("x", "y")));
    assertThat(found.without(listed).lines())
        .containsExactlyInAnyOrder(
            "| | two | Link | a | other | |", "| | three | Location | x | y | |");
    assertThat(listed.without(found).lines())
        .containsExactlyInAnyOrder("| | one | Link | a | b | |", "| | two | Link | a | b | |");
    assertThat(listed.without(listed)).isEmpty();
  }

  @Test
  @DisplayName("is ordered by section, names each difference once and gives each a reason")
  void broken() {
    assertThatThrownBy(() -> listed(OTHERS + FIRST)).hasMessageContaining("6.5 stands after 7.1");
    assertThatThrownBy(() -> listed(FIRST + FIRST)).hasMessageContaining("listed twice");
    assertThatThrownBy(() -> listed(OTHERS + OTHERS)).hasMessageContaining("listed twice");
    assertThatThrownBy(() -> listed(FIRST.replace("why", " "))).hasMessageContaining("cells");
    assertThatThrownBy(() -> listed(FIRST.replace("Link", "Lin"))).hasMessageContaining("no part");
  }

  private Divergences listed(String rows) throws IOException {
    Path document = folder.resolve("document.md");
    Files.writeString(
        document,
        "# Title\n\n"
            + "| 1 | not | this | table |\n\n"
            + "## Beside Pebble\n\n"
            + "| section | step |\n"
            + "|---|---|\n"
            + rows
            + "\n## After\n\n| nor | this |\n");
    return Divergences.listed(document, Set.of("one", "two", "three"));
  }
}
