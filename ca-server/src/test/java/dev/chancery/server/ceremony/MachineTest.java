package dev.chancery.server.ceremony;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@DisplayName("The interfaces that a machine lists")
class MachineTest {
  @TempDir Path folder;

  private static final String HEADINGS =
      """
      Inter-|   Receive                                                |  Transmit
       face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets
      """;

  @Test
  @DisplayName("are all but the loopback, and when they cannot be read that is a refusal")
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
}
