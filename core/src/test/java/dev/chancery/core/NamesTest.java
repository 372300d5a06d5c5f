package dev.chancery.core;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.bouncycastle.asn1.ASN1Encodable;
import org.bouncycastle.asn1.ASN1ObjectIdentifier;
import org.bouncycastle.asn1.DERIA5String;
import org.bouncycastle.asn1.DEROctetString;
import org.bouncycastle.asn1.DERUTF8String;
import org.bouncycastle.asn1.x500.X500Name;
import org.bouncycastle.asn1.x509.GeneralName;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

final class NamesTest {
  private static final String LETTERS_AND_DIGITS = "abcdefghijklmnopqrstuvwxyz0123456789";
  private static final String UPPER_CASE = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
  private static final String LABEL_63 = "a".repeat(63);

  @Test
  @DisplayName("RFC 1123 section 2.1: all characters in each place of a DNS name")
  void everyCharacterInEveryPlaceOfADnsName() {
    String ends = LETTERS_AND_DIGITS + UPPER_CASE;
    for (char c = 0; c < 256; c++) {
      assertDns(c, c + "bc.example", ends);
      // A dot splits the label; two parts are as good as one.
      assertDns(c, "b" + c + "c.example", ends + "-.");
      assertDns(c, "bc" + c + ".example", ends);
      assertDns(c, "bc." + c + "xample", ends);
      assertDns(c, "bc.exampl" + c, ends);
      assertDns(c, "*." + c + "bc.example", ends);
      assertDns(c, c + ".example", ends + "*");
    }
  }

  private static void assertDns(char c, String text, String allowed) {
    if (allowed.indexOf(c) >= 0) {
      assertThatCode(() -> DnsName.parse(text)).as(text).doesNotThrowAnyException();
    } else {
      assertRefused(() -> DnsName.parse(text));
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "localhost",
        "*.localhost",
        "a",
        "a.b",
        "3com.example",
        "xn--mnchen-3ya.example",
        "xn--strae-oqa.example",
        "xn--fiqs8s",
        "www.xn--p1ai",
        "xn--mgberp4a5d4ar.example",
        "xn--ls8h.example",
        "a-b--c.example",
        "0x1g",
        "*.a.b",
      })
  void dnsNameIsTaken(String text) throws Exception {
    assertThat(DnsName.parse(text).value()).isEqualTo(text);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        ".",
        "*",
        "*.",
        "a.",
        ".a",
        "a..b",
        "*.*.a",
        "a.*.b",
        "a*.b",
        "*a.b",
        "-a.b",
        "a-.b",
        "ab--c.example",
        "a.xy--z",
        // No Punycode, a control character, a capital letter, and what NFC would change.
        "xn--0.example",
        "xn--zzzzzzzz-9.example",
        "a.xn--a-.example",
        "xn--abc.example.xn---a",
        "xn--a.example",
        "xn--mnchen-psa.example",
        "xn--e-xbb.example",
        "1.2.3.4",
        "a.4",
        "a.0x4",
        "a.0x",
        "1",
        "a_b.example",
        "a b",
        "a\n",
        "m\u00fcnchen.example",
        // The Kelvin sign and a dotted capital I turn into letters when they are lower-cased.
        "\u212aelvin.example",
        "\u0130.example",
      })
  void dnsNameIsRefused(String text) {
    assertRefused(() -> DnsName.parse(text));
  }

  @Test
  @DisplayName("RFC 1035 section 2.3.4: 63 octets a label, 253 characters a name")
  void dnsNamesHaveALength() throws Exception {
    String longest = LABEL_63 + "." + LABEL_63 + "." + LABEL_63 + "." + "a".repeat(61);
    assertThat(DnsName.parse(longest).value()).hasSize(253);
    assertRefused(() -> DnsName.parse(longest + "a"));
    assertRefused(() -> DnsName.parse("a" + LABEL_63));
    assertRefused(() -> DnsName.parse("a".repeat(1_000_000)));
    assertRefused(() -> DnsName.parse("a.".repeat(100_000) + "a"));
  }

  @Test
  void dnsNameIsLowerCaseAndHasABase() throws Exception {
    DnsName name = DnsName.parse("*.Example.COM");
    assertThat(name).isEqualTo(new DnsName("*.example.com"));
    assertThat(name.isWildcard()).isTrue();
    assertThat(name.base()).isEqualTo(new DnsName("example.com"));
    assertThat(name.base().base()).isEqualTo(new DnsName("example.com"));
  }

  @ParameterizedTest
  @ValueSource(strings = {"a@b.example", "A.b+c@localhost", "o'neil!#$%&*/=?^_`{|}~-@x.example"})
  void emailIsTaken(String text) throws Exception {
    assertThat(EmailName.parse(text).value()).isEqualTo(text);
  }

  @Test
  @DisplayName("RFC 5280 section 7.5: only the host part of a mail address is caseless")
  void emailKeepsTheCaseOfItsLocalPart() throws Exception {
    assertThat(EmailName.parse("Bob@EXAMPLE.com").value()).isEqualTo("Bob@example.com");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "@",
        "a",
        "a@",
        "@b",
        ".a@b",
        "a.@b",
        "a..b@c",
        "a@*.b",
        "a@b@c",
        "\"a b\"@c",
        "a b@c",
        "a@[1.2.3.4]",
        "a@1.2.3.4",
        "\u00fc@b",
        "a@b\n",
        "a\0@b",
      })
  void emailIsRefused(String text) {
    assertRefused(() -> EmailName.parse(text));
  }

  @Test
  void localPartsOfMailAddressesHaveALength() throws Exception {
    assertThat(EmailName.parse("a".repeat(64) + "@b").local()).hasSize(64);
    assertRefused(() -> EmailName.parse("a".repeat(65) + "@b"));
    assertRefused(() -> EmailName.parse("a.".repeat(100_000) + "@b"));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "https://a.example/",
        "spiffe://cluster.local/ns/x/sa/y",
        "spiffe://cluster.local",
        "ldap://[::1]:3890/cn=x?y",
        "https://10.0.0.1:8443/%2Fa",
        "https://a_b.example/a?b#c",
        "a+b://c",
        "https://a/.../..b/c.",
      })
  void uriIsTaken(String text) throws Exception {
    assertThat(UriName.parse(text).value()).isEqualTo(text);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "a",
        "/a",
        "//a/b",
        "urn:x:y",
        "mailto:a@b",
        "https:///a",
        "https://",
        "https://a/ b",
        "https://a/\u00fc",
        "https://a/%zz",
        "https://a/\n",
        "1https://a",
        "https://a/b/../c",
        "https://a/..",
        "https://a/./c",
        "https://a/b/%2e%2E/c",
        "https://a/b/.%2e",
        "HTTPS://a/",
        "https://A/",
        "https://u@a/",
        "https://@a/",
        "https://a:443/",
        "https://a:0443/",
        "https://a:/",
        "https://a./",
        "https://a%2eb/",
        "https://a%2Fb/",
        "https://a/%41",
        "https://a/%2f",
        "https://a?x",
        "https://a#x",
        "https://127.1/",
        "https://0x7f000001/",
        "https://010.0.0.1/",
        "https://[0::1]/",
        "https://[::FFFF]/",
        "https://[fe80::1%25eth0]/",
      })
  void uriIsRefused(String text) {
    assertRefused(() -> UriName.parse(text));
  }

  @Test
  void urisHaveALength() throws Exception {
    String longest = "https://a/" + "b".repeat(2038);
    assertThat(UriName.parse(longest).value()).hasSize(2048);
    assertRefused(() -> UriName.parse(longest + "b"));
  }

  @Test
  @DisplayName("RFC 5280 section 4.2.1.6: each kind goes through a GeneralName and back")
  void generalNamesRoundTrip() throws Exception {
    for (Name name :
        new Name[] {
          new DnsName("*.a.example"),
          IpName.parse("192.0.2.1"),
          IpName.parse("2001:db8::1"),
          new UriName("spiffe://a/b"),
          EmailName.parse("a@b"),
          new OtherName(new ASN1ObjectIdentifier("1.3.6.1.4.1.311.20.2.3"), "Jörg@example.com"),
        }) {
      assertThat(Name.of(GeneralName.getInstance(name.toGeneralName().getEncoded())))
          .isEqualTo(name);
    }
  }

  @Test
  void otherKindsAndWrongLengthsAreRefused() {
    assertThatThrownBy(
            () -> Name.of(new GeneralName(GeneralName.directoryName, new X500Name("CN=a"))))
        .isInstanceOfSatisfying(
            Refused.class, e -> assertThat(e.reason()).isEqualTo(Reason.UNSUPPORTED_NAME));
    for (ASN1Encodable value :
        List.of(new DERIA5String("a"), new DERUTF8String("a\nb"), new DERUTF8String(""))) {
      GeneralName other =
          new GeneralName(
              GeneralName.otherName,
              new org.bouncycastle.asn1.x509.OtherName(new ASN1ObjectIdentifier("1.2.3"), value));
      assertThatThrownBy(() -> Name.of(other))
          .isInstanceOfSatisfying(
              Refused.class, e -> assertThat(e.reason()).isEqualTo(Reason.UNSUPPORTED_NAME));
    }
    for (int length : new int[] {0, 3, 5, 8, 15, 17, 32}) {
      GeneralName wrong =
          new GeneralName(GeneralName.iPAddress, new DEROctetString(new byte[length]));
      assertRefused(() -> Name.of(wrong));
    }
  }

  @Test
  void refusalsShowHostileTextShortAndClean() {
    assertThatThrownBy(() -> DnsName.parse("\u001b[2J\n" + "x".repeat(500)))
        .hasMessageMatching("[\\x20-\\x7e]{1,150}");
  }

  private static void assertRefused(ThrowingCallable parse) {
    assertThatThrownBy(parse)
        .isInstanceOfSatisfying(
            Refused.class, e -> assertThat(e.reason()).isEqualTo(Reason.REJECTED_NAME));
  }
}
