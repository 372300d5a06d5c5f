package dev.chancery.crl;

import static org.assertj.core.api.Assertions.assertThat;

import dev.chancery.core.CertificateStatus;
import dev.chancery.core.RevocationLedger;
import dev.chancery.core.RevocationReason;
import dev.chancery.core.SerialNumber;
import java.math.BigInteger;
import java.text.ParseException;
import java.time.Instant;
import java.util.Date;
import java.util.Optional;
import java.util.Random;
import org.bouncycastle.asn1.ASN1GeneralizedTime;
import org.bouncycastle.asn1.ASN1Integer;
import org.bouncycastle.asn1.ASN1Sequence;
import org.bouncycastle.asn1.x509.CRLReason;
import org.bouncycastle.asn1.x509.Extension;
import org.bouncycastle.asn1.x509.TBSCertList;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

/** What is encoded by hand, as Bouncy Castle reads and writes it. */
final class CrlEntriesTest {
  private static final long FIRST = Instant.parse("1950-01-01T00:00:00Z").getEpochSecond();
  private static final long LAST = Instant.parse("9999-12-31T23:59:59Z").getEpochSecond();

  @Test
  @DisplayName("RFC 5280 5.3: any entry is DER, and says what it was made of")
  void anyEntry() throws Exception {
    Random random = new Random(5280);
    RevocationReason[] reasons = RevocationReason.values();
    for (int i = 0; i < 5000; i++) {
      SerialNumber serial =
          SerialNumber.of(
              new BigInteger(1 + random.nextInt(159), random).setBit(random.nextInt(8)));
      Instant at = Instant.ofEpochSecond(random.nextLong(FIRST, LAST + 1));
      RevocationReason reason = reasons[random.nextInt(reasons.length)];
      Optional<Instant> invalidity =
          random.nextBoolean()
              ? Optional.of(Instant.ofEpochSecond(random.nextLong(FIRST, LAST + 1)))
              : Optional.empty();
      byte[] encoded =
          CrlEntries.encoded(
              new RevocationLedger.Entry(
                  serial, new CertificateStatus.Revoked(at, reason, invalidity)));

      assertThat(ASN1Sequence.getInstance(encoded).getEncoded("DER")).isEqualTo(encoded);
      TBSCertList.CRLEntry entry = TBSCertList.CRLEntry.getInstance(encoded);
      assertThat(entry.getUserCertificate()).isEqualTo(new ASN1Integer(serial.value()));
      assertThat(entry.getRevocationDate().getDate()).isEqualTo(Date.from(at));
      boolean utc = at.isBefore(Instant.parse("2050-01-01T00:00:00Z"));
      assertThat(encoded[2 + 2 + serial.value().toByteArray().length])
          .isEqualTo((byte) (utc ? 0x17 : 0x18));
      if (reason == RevocationReason.UNSPECIFIED && invalidity.isEmpty()) {
        assertThat(entry.hasExtensions()).isFalse();
        continue;
      }
      Extension code = entry.getExtensions().getExtension(Extension.reasonCode);
      if (reason == RevocationReason.UNSPECIFIED) {
        assertThat(code).isNull();
      } else {
        assertThat(code.isCritical()).isFalse();
        assertThat(CRLReason.getInstance(code.getParsedValue()).getValue().intValue())
            .isEqualTo(reason.code());
      }
      Extension date = entry.getExtensions().getExtension(Extension.invalidityDate);
      assertThat(
              Optional.ofNullable(date)
                  .map(found -> time(ASN1GeneralizedTime.getInstance(found.getParsedValue()))))
          .isEqualTo(invalidity);
    }
  }

  private static Instant time(ASN1GeneralizedTime time) {
    try {
      return time.getDate().toInstant();
    } catch (ParseException e) {
      throw new IllegalArgumentException(e);
    }
  }
}
