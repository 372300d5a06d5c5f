package dev.chancery.core;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.net.Inet6Address;
import java.net.InetAddress;
import java.util.Random;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** IP addresses (RFC 8738, RFC 5952) and blocks of them. */
final class AddressesTest {

  @Test
  @DisplayName("RFC 5952 section 4: one text for each address, and it reads back")
  void randomAddressesRoundTrip() throws Exception {
    Random random = new Random(5952);
    for (int i = 0; i < 20_000; i++) {
      byte[] octets = new byte[i % 4 == 0 ? 4 : 16];
      random.nextBytes(octets);
      // Runs of zeros of every length and place.
      for (int field = 0; field < octets.length / 2; field++) {
        if (random.nextInt(3) > 0) {
          octets[2 * field] = 0;
          octets[2 * field + 1] = random.nextBoolean() ? 0 : octets[2 * field + 1];
        }
      }
      if (octets.length == 16 && isMapped(octets)) {
        continue;
      }
      IpName name = new IpName(InetAddress.getByAddress(octets));

      assertThat(IpName.parse(name.value())).isEqualTo(name);
      assertThat(Name.of(name.toGeneralName())).isEqualTo(name);
      assertThat(name.value()).doesNotContain(":::").isLowerCase();
    }
  }

  /** RFC 4291 section 2.5.5.2; Java turns these into IPv4 addresses. */
  private static boolean isMapped(byte[] octets) {
    for (int i = 0; i < 12; i++) {
      if (octets[i] != (i < 10 ? 0 : -1)) {
        return false;
      }
    }
    return true;
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "0.0.0.0",
        "192.0.2.1",
        "255.255.255.255",
        "::",
        "::1",
        "1::",
        "2001:db8::1",
        "2001:db8:0:1:1:1:1:1",
        "2001:0:0:1::1",
        "2001:db8::1:0:0:1",
        "1:2:3:4:5:6:7:8",
        "0:1::",
      })
  void canonicalTextIsTaken(String text) throws Exception {
    assertThat(IpName.parse(text).value()).isEqualTo(text);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "1",
        "1.2.3",
        "1.2.3.4.5",
        "01.2.3.4",
        "1.2.3.256",
        "0x1.2.3.4",
        "1.2.3.4 ",
        "1.2.3.4\n",
        "localhost",
        "2001:DB8::1",
        "2001:0db8::1",
        "2001:db8:0:0:0:0:0:1",
        "2001:db8::0:1",
        "1:2:3:4:5:6:7::",
        "2001::1:0:0:0:1",
        "[::1]",
        "fe80::1%eth0",
        "fe80::1%1",
        "::1/128",
        ":::",
        "::1::",
        "1:2:3:4:5:6:7",
        "1:2:3:4:5:6:7:8:9",
        "::ffff:192.0.2.1",
        "::192.0.2.1",
      })
  void anythingElseIsRefused(String text) {
    assertThatThrownBy(() -> IpName.parse(text))
        .isInstanceOfSatisfying(
            Refused.class, e -> assertThat(e.reason()).isEqualTo(Reason.REJECTED_NAME));
  }

  @Test
  @DisplayName("RFC 4007 section 11: a zone is no part of an address in a certificate")
  void zonesDoNotCount() throws Exception {
    byte[] octets = InetAddress.ofLiteral("fe80::1").getAddress();
    IpName scoped = new IpName(Inet6Address.getByAddress(null, octets, 3));

    assertThat(scoped.value()).isEqualTo("fe80::1");
  }

  @ParameterizedTest
  @CsvSource({
    "10.0.0.0/8, 10.255.255.255, true",
    "10.0.0.0/8, 11.0.0.0, false",
    "10.0.0.0/9, 10.128.0.0, false",
    "0.0.0.0/0, 255.1.2.3, true",
    "0.0.0.0/0, ::1, false",
    "192.0.2.1, 192.0.2.1, true",
    "192.0.2.1, 192.0.2.2, false",
    "192.0.2.1/32, 192.0.2.1, true",
    "2001:db8::/33, 2001:db8:7fff::1, true",
    "2001:db8::/33, 2001:db8:8000::1, false",
    "::/0, 2001:db8::1, true",
    "::/0, 1.2.3.4, false",
    "::1, ::1, true",
  })
  void blockContains(String block, String address, boolean contained) {
    assertThat(Cidr.parse(block).contains(InetAddress.ofLiteral(address))).isEqualTo(contained);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "/",
        "/8",
        "10.0.0.0/",
        "10.0.0.0/33",
        "10.0.0.0/-1",
        "10.0.0.0/+8",
        "10.0.0.0/8/8",
        "10.0.0.0/ 8",
        "10.0.0.0/4294967304",
        "10.0.0.1/8",
        "::/129",
        "::1/64",
        "localhost/8",
        "10/8",
        "192.0.2",
        "192.0.2/24",
        "192.0.2.0.0/24",
        "3221225984",
        "fe80::1%lo",
        "[::1]/128",
      })
  void blockIsRefused(String text) {
    assertThatThrownBy(() -> Cidr.parse(text)).isInstanceOf(IllegalArgumentException.class);
  }
}
