package dev.chancery.acme;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.Map;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** RFC 8555 section 6.2: which alg verifies with which key, and which signature is none. */
final class JwsTest {
  enum Signing {
    ES256("EC", "secp256r1"),
    ES384("EC", "secp384r1"),
    ES512("EC", "secp521r1"),
    EdDSA("Ed25519", ""),
    RS256("RSA", "");

    private final String algorithm;
    private final String curve;

    Signing(String algorithm, String curve) {
      this.algorithm = algorithm;
      this.curve = curve;
    }

    KeyPair generate() {
      try {
        return curve.isEmpty()
            ? KeyPairGenerator.getInstance(algorithm).generateKeyPair()
            : TestAuthority.generate(algorithm, curve);
      } catch (NoSuchAlgorithmException e) {
        throw new IllegalStateException(e);
      }
    }
  }

  private static final Map<Signing, AcmeClient> CLIENTS = new EnumMap<>(Signing.class);

  @BeforeAll
  static void keys() {
    for (Signing signing : Signing.values()) {
      CLIENTS.put(
          signing,
          new AcmeClient(
              URI.create("http://localhost"),
              AcmeEndpoint.DEFAULT,
              signing.generate(),
              signing.name()));
    }
  }

  private static ObjectNode header(AcmeClient client, String alg) {
    ObjectNode header = AcmeClient.object().put("alg", alg).put("url", "http://localhost/x");
    header.set("jwk", client.jwk());
    return header;
  }

  private static ObjectNode jws(AcmeClient client, String alg) {
    return client.jws(header(client, alg).toString(), "{}");
  }

  /** Verifies with the key that the JWS itself carries. */
  private static void verify(ObjectNode json) throws AcmeProblem {
    Jws jws = Jws.parse(json);
    assertThat(jws.payload()).isEqualTo("{}".getBytes(StandardCharsets.UTF_8));
    jws.requireSignedBy(((Jws.Signer.Key) jws.signer()).key());
  }

  private static void refused(ObjectNode jws, AcmeError error) {
    assertThatExceptionOfType(AcmeProblem.class)
        .as(jws.toString())
        .isThrownBy(() -> verify(jws))
        .satisfies(e -> assertThat(e.problem().error()).isEqualTo(error));
  }

  @ParameterizedTest
  @EnumSource
  @DisplayName("RFC 8555 6.2: each alg verifies with its kind of key, and with no other kind")
  void algorithms(Signing signing) {
    AcmeClient client = CLIENTS.get(signing);
    for (Signing other : Signing.values()) {
      if (other == signing) {
        assertThatCode(() -> verify(jws(client, other.name()))).doesNotThrowAnyException();
      } else {
        refused(jws(client, other.name()), AcmeError.BAD_SIGNATURE_ALGORITHM);
      }
    }
  }

  @ParameterizedTest
  @EnumSource
  @DisplayName("RFC 8555 6.2: HS256 with the public key as its secret is refused for its alg")
  void publicKeyAsSecret(Signing signing) throws Exception {
    AcmeClient client = CLIENTS.get(signing);
    String signed =
        AcmeClient.base64(header(client, "HS256").toString()) + "." + AcmeClient.base64("{}");
    Mac mac = Mac.getInstance("HmacSHA256");
    mac.init(new SecretKeySpec(client.keys.getPublic().getEncoded(), "HmacSHA256"));
    byte[] tag = mac.doFinal(signed.getBytes(StandardCharsets.US_ASCII));
    refused(
        jws(client, "HS256").put("signature", AcmeClient.base64(tag)),
        AcmeError.BAD_SIGNATURE_ALGORITHM);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"none", "None", "NONE", "", "HS512", "RS384", "RS512", "PS256", "ES256K", "eddsa"})
  @DisplayName("RFC 8555 6.2: none and what is not listed is refused, signed, unsigned or empty")
  void otherAlgorithms(String alg) {
    for (AcmeClient client : CLIENTS.values()) {
      refused(jws(client, alg), AcmeError.BAD_SIGNATURE_ALGORITHM);
      refused(jws(client, alg).put("signature", ""), AcmeError.BAD_SIGNATURE_ALGORITHM);
    }
  }

  @ParameterizedTest
  @EnumSource
  @DisplayName("RFC 7518 3: a signature of any wrong length or content is wrong, and no defect")
  void signatures(Signing signing) {
    AcmeClient client = CLIENTS.get(signing);
    ObjectNode right = jws(client, signing.name());
    for (int length : new int[] {0, 1, 2, 63, 64, 65, 96, 97, 132, 133, 255, 256, 257, 60_000}) {
      for (byte filling : new byte[] {0, 1, -1}) {
        byte[] wrong = new byte[length];
        Arrays.fill(wrong, filling);
        refused(right.deepCopy().put("signature", AcmeClient.base64(wrong)), AcmeError.MALFORMED);
      }
    }
    String signature = right.get("signature").textValue();
    refused(right.deepCopy().put("signature", signature + "AAAA"), AcmeError.MALFORMED);
    refused(right.deepCopy().put("signature", signature.substring(0, 40)), AcmeError.MALFORMED);
    refused(right.deepCopy().put("signature", signature + "="), AcmeError.MALFORMED);
  }

  @Test
  @DisplayName("RFC 8555 6.2: the key of one kind does not verify for another key of its kind")
  void anotherKey() {
    for (Signing signing : Signing.values()) {
      AcmeClient client = CLIENTS.get(signing);
      ObjectNode jws =
          client.jws(
              header(client, signing.name()).toString(), "{}", signing.generate().getPrivate());
      refused(jws, AcmeError.MALFORMED);
    }
  }
}
