package dev.chancery.acme;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.net.InetAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Where hosts are found when no resolver is configured. */
final class SystemAddressesTest {
  private static final Duration LONGEST = Duration.ofSeconds(5);

  private final DnsServer dns = new DnsServer();
  private Path file;
  private SystemAddresses addresses;

  @BeforeEach
  void write(@TempDir Path folder) throws Exception {
    file = folder.resolve("hosts");
    Files.writeString(file, "127.0.0.1 localhost\n10.1.2.3 both.example b\nfd00::1 both.example\n");
    addresses =
        new SystemAddresses(
            file,
            new DnsAddresses(new Dns(List.of(dns.address()), Optional.empty(), Clock.systemUTC())));
  }

  @AfterEach
  void stop() {
    dns.close();
  }

  @Test
  @DisplayName("the hosts file is asked first, and what it has is not asked of DNS")
  void hostsFile() throws Exception {
    dns.add("both.example. 60 IN A 10.9.9.9");
    assertThat(addresses.find("both.example", LONGEST))
        .containsExactlyInAnyOrder(
            InetAddress.ofLiteral("10.1.2.3"), InetAddress.ofLiteral("fd00::1"));
    assertThat(addresses.find("b", LONGEST)).containsExactly(InetAddress.ofLiteral("10.1.2.3"));
  }

  @Test
  @DisplayName("a hosts file that was written since is read anew")
  void hostsFileChanges() throws Exception {
    assertThat(addresses.find("b", LONGEST)).containsExactly(InetAddress.ofLiteral("10.1.2.3"));
    Files.writeString(file, "10.1.2.4 b\n");
    Files.setLastModifiedTime(file, FileTime.from(Instant.now().plusSeconds(1)));
    assertThat(addresses.find("b", LONGEST)).containsExactly(InetAddress.ofLiteral("10.1.2.4"));
    Files.delete(file);
    assertThatThrownBy(() -> addresses.find("b", LONGEST))
        .isInstanceOf(HostAddresses.NotFound.class);
  }

  @Test
  @DisplayName("DNS is asked for the others; that there is no such name is told from an outage")
  void dns() throws Exception {
    dns.add("other.example. 60 IN A 10.9.9.9");
    assertThat(addresses.find("other.example", LONGEST))
        .containsExactly(InetAddress.ofLiteral("10.9.9.9"));
    assertThatThrownBy(() -> addresses.find("none.example", LONGEST))
        .isInstanceOfSatisfying(
            HostAddresses.NotFound.class, e -> assertThat(e.why()).contains("NXDOMAIN"));
  }
}
