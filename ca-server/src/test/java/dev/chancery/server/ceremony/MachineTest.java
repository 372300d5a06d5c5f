package dev.chancery.server.ceremony;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@DisplayName("What a ceremony says of its machine")
class MachineTest {
  @TempDir Path folder;

  private static final String HEADINGS =
      """
      Inter-|   Receive                                                |  Transmit
       face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets
      """;

  @Test
  @DisplayName(
      "has all interfaces but the loopback, and when they cannot be read that is a refusal")
  void listed() throws Exception {
    Path file = folder.resolve("dev");
    Files.writeString(file, HEADINGS + "    lo: 0 0 0\n");
    assertThat(Machine.listed(file)).isEmpty();
    Files.writeString(file, HEADINGS + "    lo: 0 0 0\nwlan0: 1 2 3\n  eth0:12 3 4\n");
    assertThat(Machine.listed(file)).containsExactly("eth0", "wlan0");

    assertThatThrownBy(() -> Machine.listed(folder.resolve("none")))
        .isInstanceOf(CeremonyRefused.class);
    assertThat(Machine.listed(Path.of("/proc/self/net/dev"))).doesNotContain("lo");
  }

  private Path file(String name, String text) throws IOException {
    Path file = folder.resolve("distribution").resolve(name);
    Files.createDirectories(file.getParent());
    return Files.writeString(file, text);
  }

  private String digest(Path... jars) throws IOException {
    return Machine.distribution(
        Optional.of(folder.resolve("distribution")),
        Stream.of(jars).map(Path::toString).collect(Collectors.joining(File.pathSeparator)));
  }

  @Test
  @DisplayName("has every file of the distribution, wherever that is, and jars from elsewhere")
  void distribution() throws Exception {
    Path jar = file("lib/core.jar", "core");
    file("lib/class-path", "core.jar");
    file("bin/chancery", "exec java");
    file("config/profiles/tls.yaml", "profile");
    file("scripts/root-ceremony.sh", "exec chancery");
    String before = digest(jar);

    for (String name :
        List.of(
            "lib/core.jar",
            "lib/class-path",
            "bin/chancery",
            "config/profiles/tls.yaml",
            "scripts/root-ceremony.sh")) {
      Path file = folder.resolve("distribution").resolve(name);
      String text = Files.readString(file);
      Files.writeString(file, text + "#");
      assertThat(digest(jar)).as(name).isNotEqualTo(before);
      Files.delete(file);
      assertThat(digest(jar)).as(name).isNotEqualTo(before);
      Files.writeString(file, text);
      assertThat(digest(jar)).as(name).isEqualTo(before);
    }
    Path more = file("bin/more.sh", "");
    assertThat(digest(jar)).isNotEqualTo(before);
    Files.delete(more);
    Path link = Files.createSymbolicLink(more, Path.of("chancery"));
    assertThat(digest(jar)).isNotEqualTo(before);
    Files.delete(link);
    // What links lead to is what is run.
    Path shared = Files.createDirectories(folder.resolve("shared"));
    Path linked = Files.writeString(shared.resolve("linked.jar"), "linked");
    Path lib = folder.resolve("distribution/lib");
    for (Path to : List.of(linked, shared)) {
      Path inLib = Files.createSymbolicLink(lib.resolve("linked"), to);
      String there = digest(jar);
      assertThat(there).isNotEqualTo(before);
      Files.writeString(linked, "linked#");
      assertThat(digest(jar)).as("" + to).isNotEqualTo(there);
      Files.writeString(linked, "linked");
      assertThat(digest(jar)).as("" + to).isEqualTo(there);
      Files.delete(inLib);
    }
    Path nowhere = Files.createSymbolicLink(lib.resolve("linked"), folder.resolve("nowhere"));
    assertThatThrownBy(() -> digest(jar)).isInstanceOf(IOException.class);
    Files.delete(nowhere);
    Path beside = file("plugins/more.jar", "more");
    assertThat(digest(jar, beside)).isNotEqualTo(before);
    Files.delete(beside);
    Path agent = Files.writeString(folder.resolve("agent.jar"), "agent");
    assertThat(digest(jar, agent)).isNotEqualTo(before);

    // What is put there later is none of it.
    file("cache/chancery.aot", "cache");
    file("in/plan.yaml", "plan");
    assertThat(digest(jar)).isEqualTo(before);
    Files.move(folder.resolve("distribution"), folder.resolve("moved"));
    assertThat(
            Machine.distribution(
                Optional.of(folder.resolve("moved")),
                folder.resolve("moved/lib/core.jar").toString()))
        .isEqualTo(before);
  }
}
