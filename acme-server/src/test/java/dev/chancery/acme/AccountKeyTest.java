package dev.chancery.acme;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.net.URI;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** JWKs from outside: one spelling, public members only, and the limits of every key here. */
final class AccountKeyTest {
  /** RFC 7638 section 3.1. */
  private static final String RSA =
      """
      {"kty":"RSA",
       "n":"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_\
      BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2Q\
      vzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZ\
      u0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw",
       "e":"AQAB","alg":"RS256","kid":"2011-04-29"}\
      """;

  /** RFC 8037 appendix A.2. */
  private static final String ED25519 =
      """
      {"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}\
      """;

  enum Kind {
    P256("EC", "secp256r1"),
    P384("EC", "secp384r1"),
    P521("EC", "secp521r1"),
    ED25519("Ed25519", ""),
    RSA("RSA", "");

    private final String algorithm;
    private final String curve;

    Kind(String algorithm, String curve) {
      this.algorithm = algorithm;
      this.curve = curve;
    }

    List<String> numbers() {
      return switch (this) {
        case P256, P384, P521 -> List.of("x", "y");
        case ED25519 -> List.of("x");
        case RSA -> List.of("n", "e");
      };
    }

    KeyPair keys() throws Exception {
      return curve.isEmpty()
          ? KeyPairGenerator.getInstance(algorithm).generateKeyPair()
          : TestAuthority.generate(algorithm, curve);
    }

    ObjectNode jwk() throws Exception {
      return (ObjectNode)
          new AcmeClient(URI.create("http://localhost"), AcmeEndpoint.DEFAULT, keys(), "ES256")
              .jwk();
    }
  }

  private static void refused(ObjectNode jwk) {
    assertThatExceptionOfType(AcmeProblem.class)
        .as(jwk.toString())
        .isThrownBy(() -> AccountKey.parse(jwk))
        .satisfies(e -> assertThat(e.problem().error()).isEqualTo(AcmeError.BAD_PUBLIC_KEY));
  }

  private static byte[] decoded(ObjectNode jwk, String member) {
    return Base64.getUrlDecoder().decode(jwk.get(member).textValue());
  }

  @Test
  @DisplayName("RFC 7638 3.1, RFC 8037 A.3: the thumbprints that the RFCs computed")
  void thumbprints() throws Exception {
    assertThat(thumbprint(RSA)).isEqualTo("NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
    assertThat(thumbprint(ED25519)).isEqualTo("kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
  }

  private static String thumbprint(String jwk) throws AcmeProblem {
    return Base64Url.encode(AccountKey.parse((ObjectNode) AcmeClient.parse(jwk)).thumbprint());
  }

  @ParameterizedTest
  @EnumSource
  @DisplayName("RFC 8555 6.2: a key that was read, stored and read again is the same key")
  void stored(Kind kind) throws Exception {
    KeyPair keys = kind.keys();
    AcmeClient client =
        new AcmeClient(URI.create("http://localhost"), AcmeEndpoint.DEFAULT, keys, "ES256");
    AccountKey read = AccountKey.parse((ObjectNode) client.jwk());
    AccountKey stored = AccountKey.stored(read.encoded().bytes());
    assertThat(stored).isEqualTo(read);
    assertThat(read.encoded().bytes()).isEqualTo(keys.getPublic().getEncoded());
    assertThat(Base64Url.encode(stored.thumbprint())).isEqualTo(client.thumbprint());
  }

  @ParameterizedTest
  @ValueSource(strings = {"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
  @DisplayName("RFC 7518 6: a JWK with any private member is refused, whatever its kind")
  void privateMembers(String member) throws Exception {
    for (Kind kind : Kind.values()) {
      refused(kind.jwk().put(member, "AQAB"));
      refused(kind.jwk().putNull(member));
    }
  }

  @ParameterizedTest
  @EnumSource
  @DisplayName("RFC 7518 6: no required member may miss, be empty or be anything but text")
  void missingMembers(Kind kind) throws Exception {
    ObjectNode right = kind.jwk();
    AccountKey.parse(right);
    for (String member : right.properties().stream().map(Map.Entry::getKey).toList()) {
      refused(right.deepCopy().without(member));
      refused(right.deepCopy().put(member, ""));
      ObjectNode number = right.deepCopy().put(member, 1);
      assertThatExceptionOfType(AcmeProblem.class)
          .isThrownBy(() -> AccountKey.parse(number))
          .satisfies(e -> assertThat(e.problem().error()).isEqualTo(AcmeError.MALFORMED));
    }
  }

  @ParameterizedTest
  @EnumSource
  @DisplayName("RFC 7518 6.2.1.2, 6.3.1.1: numbers have exactly their octets, in one spelling")
  void lengths(Kind kind) throws Exception {
    ObjectNode right = kind.jwk();
    for (String member : kind.numbers()) {
      byte[] octets = decoded(right, member);
      String text = right.get(member).textValue();
      byte[] leadingZero = new byte[octets.length + 1];
      System.arraycopy(octets, 0, leadingZero, 1, octets.length);
      for (byte[] wrong :
          List.of(
              leadingZero,
              Arrays.copyOf(octets, octets.length + 1),
              Arrays.copyOf(octets, octets.length - 1),
              new byte[octets.length],
              Arrays.copyOf(octets, 90_000))) {
        refused(right.deepCopy().put(member, Base64Url.encode(wrong)));
      }
      for (String wrong : List.of(text + "=", text + "\n", " " + text, text + "!", "*")) {
        refused(right.deepCopy().put(member, wrong));
      }
    }
  }

  @Test
  @DisplayName("RFC 7518 6.2: a point that is not on the curve, or on another, is refused")
  void points() throws Exception {
    for (Kind kind : List.of(Kind.P256, Kind.P384, Kind.P521)) {
      ObjectNode jwk = kind.jwk();
      byte[] y = decoded(jwk, "y");
      y[y.length - 1] ^= 1;
      refused(jwk.deepCopy().put("y", Base64Url.encode(y)));
      for (String curve : List.of("P-256", "P-384", "P-521", "secp256k1", "Ed25519", "p-256")) {
        if (!curve.equals(jwk.get("crv").textValue())) {
          refused(jwk.deepCopy().put("crv", curve));
        }
      }
    }
  }

  @ParameterizedTest
  @CsvSource({"X25519,32", "X448,56", "Ed448,57"})
  @DisplayName("RFC 8037 2: of the octet key pairs, Ed25519 alone")
  void otherOctetKeyPairs(String curve, int octets) {
    byte[] x = new byte[octets];
    x[0] = 9;
    refused(AcmeClient.object().put("kty", "OKP").put("crv", curve).put("x", Base64Url.encode(x)));
  }

  @ParameterizedTest
  @ValueSource(strings = {"AQ", "Aw", "AAEAAQ", "AQAA", "__8"})
  @DisplayName("RFC 7518 6.3.1: the RSA exponent is odd, at least 65537 and has no leading zero")
  void exponents(String exponent) {
    refused(((ObjectNode) AcmeClient.parse(RSA)).put("e", exponent));
  }

  @Test
  @DisplayName("RFC 7517 4: members that say nothing about the key are not looked at")
  void otherMembers() throws Exception {
    ObjectNode jwk = Kind.P256.jwk();
    AccountKey key = AccountKey.parse(jwk.deepCopy());
    jwk.put("use", 1).put("kid", "x").put("alg", "none").putArray("x5c").add("not a certificate");
    assertThat(AccountKey.parse(jwk)).isEqualTo(key);
  }
}
