package dev.chancery.acme;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.security.KeyPair;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.xbill.DNS.DClass;
import org.xbill.DNS.DNSKEYRecord;
import org.xbill.DNS.DNSSEC;
import org.xbill.DNS.DSRecord;
import org.xbill.DNS.Name;
import org.xbill.DNS.RRset;
import org.xbill.DNS.Record;
import org.xbill.DNS.TXTRecord;

/** RFC 4035: with trust anchors, answers of signed zones are validated. */
@Timeout(60)
final class DnssecTest {
  private static final Name ZONE = DnsServer.name("signed.example.");
  private static final Name OWNER = DnsServer.name("_acme-challenge.signed.example.");
  private final Instant now = Instant.now();

  private final DnsServer dns = new DnsServer();
  private final KeyPair keys = TestAuthority.generate();
  private final DNSKEYRecord key;

  DnssecTest() throws Exception {
    key =
        new DNSKEYRecord(
            ZONE,
            DClass.IN,
            60,
            DNSKEYRecord.Flags.ZONE_KEY | DNSKEYRecord.Flags.SEP_KEY,
            DNSKEYRecord.Protocol.DNSSEC,
            DNSSEC.Algorithm.ECDSAP256SHA256,
            keys.getPublic());
    dns.add(key, signature(key, now.plusSeconds(3600)));
  }

  @AfterEach
  void stop() {
    dns.close();
  }

  private Record signature(Record record, Instant until) throws Exception {
    return DNSSEC.sign(new RRset(record), key, keys.getPrivate(), now.minusSeconds(3600), until);
  }

  private static TXTRecord text(Name owner, String text) {
    return new TXTRecord(owner, DClass.IN, 60, text);
  }

  private List<String> texts(String owner) throws Exception {
    String anchor = new DSRecord(ZONE, DClass.IN, 60, DNSSEC.Digest.SHA256, key).toString();
    Dns validating =
        new Dns(
            List.of(dns.address()), Optional.of(DnsTrustAnchors.parse(anchor)), Clock.systemUTC());
    return new TextRecords(validating).of(owner, Deadline.in(Duration.ofSeconds(5)));
  }

  @Test
  @DisplayName("RFC 4035 5: a record with a right signature counts")
  void signed() throws Exception {
    TXTRecord record = text(OWNER, "right");
    dns.add(record, signature(record, now.plusSeconds(3600)));
    assertThat(texts("_acme-challenge.signed.example")).containsExactly("right");
  }

  @Test
  @DisplayName("RFC 4035 5: no signature, an old one and that of another text are no answer")
  void bogus() throws Exception {
    TXTRecord record = text(OWNER, "wrong");
    for (Record signature :
        List.of(
            text(DnsServer.name("elsewhere.example."), "none"),
            signature(record, now.minusSeconds(60)),
            signature(text(OWNER, "right"), now.plusSeconds(3600)))) {
      dns.forget("_acme-challenge.signed.example.");
      dns.add(record, signature);
      assertThatThrownBy(() -> texts("_acme-challenge.signed.example"))
          .isInstanceOf(Validator.Unmet.class)
          .hasMessageContaining("no resolver gave an answer");
    }
  }

  @Test
  @DisplayName("RFC 4035 4.3: a zone that no anchor speaks for is believed as it is")
  void indeterminate() throws Exception {
    dns.addText("_acme-challenge.plain.example.", "unsigned");
    assertThat(texts("_acme-challenge.plain.example")).containsExactly("unsigned");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "; nothing",
        "a.example. 60 IN A 192.0.2.1",
        "no zone file",
        "$INCLUDE /etc/passwd",
        "$GENERATE 1-1000000 $.example. 60 IN A 192.0.2.1",
        "a.example. 60 IN DS 1 13 2 ABC",
      })
  @DisplayName("what is no set of DS and DNSKEY records is refused")
  void badAnchors(String text) {
    assertThatThrownBy(() -> DnsTrustAnchors.parse(text))
        .isInstanceOf(IllegalArgumentException.class);
  }
}
