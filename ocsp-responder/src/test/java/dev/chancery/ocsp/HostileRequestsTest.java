package dev.chancery.ocsp;

import static org.assertj.core.api.Assertions.assertThat;

import dev.chancery.core.CertificateStatus;
import java.math.BigInteger;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.Map;
import java.util.Random;
import org.bouncycastle.cert.ocsp.OCSPResp;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

/** Requests bent out of shape at random, from fixed seeds. */
final class HostileRequestsTest {
  private static final int MUTATIONS = 40_000;

  @Test
  @DisplayName("RFC 6960 2.3: no mutation of a request gets anything but an OCSP answer or error")
  void mutations() throws Exception {
    try (OcspFixture ocsp = new OcspFixture()) {
      BigInteger serial = new BigInteger("5a".repeat(16), 16);
      ocsp.statuses.set(serial, new CertificateStatus.Good());
      byte[][] seeds = {
        ocsp.request(serial),
        OcspFixture.request(
            OcspFixture.nonce(new byte[32]),
            ocsp.id(OcspFixture.SHA256, serial),
            ocsp.id(OcspFixture.SHA1, serial)),
      };
      assertThat(ocsp.responder.answer(seeds[0])).isInstanceOf(OcspReply.Shared.class);
      Map<OcspError, Integer> errors = new EnumMap<>(OcspError.class);
      int signed = 0;
      Random random = new Random(20260101);
      for (int i = 0; i < MUTATIONS; i++) {
        byte[] request = mutated(seeds[i % seeds.length], random);
        OcspReply reply = ocsp.responder.answer(request);
        // Kept answers are found without parsing, but only for what parsing would take.
        assertThat(reply.equals(new OcspReply.Failure(OcspError.MALFORMED_REQUEST)))
            .isEqualTo(!isParsed(request));
        switch (reply) {
          case OcspReply.Failure failure -> errors.merge(failure.error(), 1, Integer::sum);
          case OcspReply.Shared shared -> signed += successful(shared);
          case OcspReply.Single single -> signed += successful(single);
        }
      }
      // Each kind of outcome that there should be was met, so the mutations reach the depths.
      assertThat(errors).containsOnlyKeys(OcspError.MALFORMED_REQUEST, OcspError.UNAUTHORIZED);
      assertThat(signed).isPositive();
    }
  }

  private static boolean isParsed(byte[] request) {
    try {
      OcspQuery _ = OcspQuery.parse(request);
      return true;
    } catch (NotAnswered refused) {
      return false;
    }
  }

  private static int successful(OcspReply reply) throws Exception {
    assertThat(new OCSPResp(reply.encoded().bytes()).getStatus()).isEqualTo(OCSPResp.SUCCESSFUL);
    return 1;
  }

  private static byte[] mutated(byte[] request, Random random) {
    byte[] bytes = request.clone();
    for (int changes = 1 + random.nextInt(3); changes > 0; changes--) {
      int at = random.nextInt(bytes.length);
      switch (random.nextInt(5)) {
        case 0 -> bytes[at] = (byte) random.nextInt(256);
        case 1 -> bytes[at] ^= (byte) (1 << random.nextInt(8));
        case 2 -> bytes = Arrays.copyOf(bytes, Math.max(1, at));
        case 3 -> {
          int from = random.nextInt(bytes.length);
          int length = random.nextInt(Math.min(bytes.length - from, bytes.length - at));
          System.arraycopy(bytes.clone(), from, bytes, at, length);
        }
        case 4 -> {
          byte[] longer = new byte[bytes.length + 1 + random.nextInt(4)];
          random.nextBytes(longer);
          System.arraycopy(bytes, 0, longer, 0, at);
          System.arraycopy(
              bytes, at, longer, longer.length - (bytes.length - at), bytes.length - at);
          bytes = longer;
        }
        default -> throw new AssertionError();
      }
    }
    return bytes;
  }
}
