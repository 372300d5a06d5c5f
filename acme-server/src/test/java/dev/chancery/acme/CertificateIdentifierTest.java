package dev.chancery.acme;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import dev.chancery.core.Der;
import java.math.BigInteger;
import java.util.Base64;
import java.util.Random;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** RFC 9773 section 4.1. */
final class CertificateIdentifierTest {
  private static final long SEED = 9773;

  /** The certificate of appendix A. */
  private static final String EXAMPLE =
      """
      MIIBQzCB66ADAgECAgUAh2VDITAKBggqhkjOPQQDAjAVMRMwEQYDVQQDEwpFeGFt
      cGxlIENBMCIYDzAwMDEwMTAxMDAwMDAwWhgPMDAwMTAxMDEwMDAwMDBaMBYxFDAS
      BgNVBAMTC2V4YW1wbGUuY29tMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEeBZu
      7cbpAYNXZLbbh8rNIzuOoqOOtmxA1v7cRm//AwyMwWxyHz4zfwmBhcSrf47NUAFf
      qzLQ2PPQxdTXREYEnKMjMCEwHwYDVR0jBBgwFoAUaYhba4dGQEHhs3uEe6CuLN4B
      yNQwCgYIKoZIzj0EAwIDRwAwRAIge09+S5TZAlw5tgtiVvuERV6cT4mfutXIlwTb
      +FYN/8oCIClDsqBklhB9KAelFiYt9+6FDj3z4KGVelYM5MdsO3pK
      """;

  @Test
  @DisplayName("the example of section 4.1 names the certificate of appendix A")
  void example() throws AcmeProblem {
    CertificateIdentifier identifier =
        CertificateIdentifier.parse("aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE");
    assertThat(identifier.serial().value()).isEqualTo(new BigInteger("87654321", 16));
    Der certificate = Der.of(Base64.getMimeDecoder().decode(EXAMPLE));
    assertThat(identifier.names(certificate)).isTrue();
    assertThat(
            CertificateIdentifier.parse("aYhba4dGQEHhs3uEe6CuLN4ByNU.AIdlQyE").names(certificate))
        .isFalse();
  }

  @ParameterizedTest(name = "{0}")
  @CsvSource({
    "nothing,''",
    "no dot,aYhba4dGQEHhs3uEe6CuLN4ByNQ",
    "no key identifier,.AIdlQyE",
    "no serial,aYhba4dGQEHhs3uEe6CuLN4ByNQ.",
    "two dots,aYhb.AIdl.QyE",
    "padding,aYhba4dGQEHhs3uEe6CuLN4ByNQ=.AIdlQyE",
    "padded serial,aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE=",
    "stray bits,aYhba4dGQEHhs3uEe6CuLN4ByNR.AIdlQyE",
    "base64 of the other alphabet,aYhb+4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE",
    "negative serial,aYhba4dGQEHhs3uEe6CuLN4ByNQ.h2VDIQ",
    "serial with a zero octet too many,aYhba4dGQEHhs3uEe6CuLN4ByNQ.AAFlQyE",
    "serial of zero,aYhba4dGQEHhs3uEe6CuLN4ByNQ.AA",
    "serial of 21 octets,aYhb.AQIDBAUGBwgJCgsMDQ4PEBESExQV",
    "space,aYhba4dGQEHhs3uEe6CuLN4ByNQ. AIdlQyE",
    "not ASCII,aYhbä4dG.AIdlQyE"
  })
  void refused(String what, String text) {
    AcmeProblem problem =
        catchThrowableOfType(AcmeProblem.class, () -> CertificateIdentifier.parse(text));
    assertThat(problem).isNotNull();
    assertThat(problem.problem().error()).isEqualTo(AcmeError.MALFORMED);
  }

  @Test
  @DisplayName("a text that is too long is refused before it is decoded")
  void tooLong() {
    assertThatThrownBy(() -> CertificateIdentifier.parse("A".repeat(80) + "." + "A".repeat(28)))
        .isInstanceOf(AcmeProblem.class);
  }

  @Test
  @DisplayName("seeded: every certificate has one spelling, and every other text is malformed")
  void oneSpelling() {
    Random random = new Random(SEED);
    String alphabet =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.=+/ \u00e9\0";
    int accepted = 0;
    for (int i = 0; i < 200_000; i++) {
      byte[] key = new byte[1 + random.nextInt(48)];
      random.nextBytes(key);
      byte[] serial =
          new BigInteger(1 + random.nextInt(158), random).add(BigInteger.ONE).toByteArray();
      StringBuilder text =
          new StringBuilder(AcmeClient.base64(key) + "." + AcmeClient.base64(serial));
      boolean changed = random.nextBoolean();
      if (changed) {
        int at = random.nextInt(text.length());
        char other = alphabet.charAt(random.nextInt(alphabet.length()));
        if (random.nextBoolean()) {
          text.setCharAt(at, other);
        } else {
          text.insert(at, other);
        }
      }
      try {
        CertificateIdentifier parsed = CertificateIdentifier.parse(text.toString());
        accepted++;
        assertThat(
                AcmeClient.base64(parsed.keyIdentifier().bytes())
                    + "."
                    + AcmeClient.base64(parsed.serial().value().toByteArray()))
            .isEqualTo(text.toString());
      } catch (AcmeProblem e) {
        assertThat(changed).as(text.toString()).isTrue();
        assertThat(e.problem().error()).isEqualTo(AcmeError.MALFORMED);
      }
    }
    assertThat(accepted).isBetween(100_000, 200_000);
  }
}
