package dev.chancery.hsm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.chancery.core.BouncyCastle;
import dev.chancery.core.KeyAlgorithm;
import dev.chancery.core.Octets;
import dev.chancery.core.SignatureValue;
import dev.chancery.core.SigningScheme;
import dev.chancery.core.SubjectPublicKey;
import dev.chancery.core.TokenAway;
import java.nio.charset.StandardCharsets;
import java.security.Signature;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.bouncycastle.asn1.ASN1GeneralizedTime;
import org.bouncycastle.asn1.DEROctetString;
import org.bouncycastle.asn1.DERSequence;
import org.bouncycastle.asn1.ocsp.ResponderID;
import org.bouncycastle.asn1.ocsp.ResponseData;
import org.bouncycastle.asn1.x509.Extensions;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What every kind of token promises. */
abstract class TokenContract {
  private static int ids;

  private final List<Token> opened = new ArrayList<>();

  /** Opens the one token of the test class once more. */
  abstract Token open() throws Exception;

  /** Whether the token can make such a key, and it can sign so. */
  boolean can(KeyAlgorithm algorithm, SigningScheme scheme) {
    return true;
  }

  /** Whether a key that was made after this token was opened is seen. */
  boolean seesWhatAnotherMakes() {
    return true;
  }

  final Token token() throws Exception {
    Token token = open();
    opened.add(token);
    return token;
  }

  @AfterEach
  final void closeTokens() {
    opened.forEach(Token::close);
  }

  static KeyId id(String text) {
    return new KeyId(HexFormat.of().formatHex(text.getBytes(StandardCharsets.US_ASCII)));
  }

  static synchronized KeyId freshId() {
    return id("key-" + ids++);
  }

  static ResponseData answer(String text) {
    return new ResponseData(
        new ResponderID(new DEROctetString(text.getBytes(StandardCharsets.US_ASCII))),
        new ASN1GeneralizedTime("20260101000000Z"),
        new DERSequence(),
        (Extensions) null);
  }

  static boolean verifies(
      SubjectPublicKey key, SigningScheme scheme, ResponseData answer, SignatureValue signature)
      throws Exception {
    return verifies(key, scheme, answer.getEncoded("DER"), signature);
  }

  static boolean verifies(
      SubjectPublicKey key, SigningScheme scheme, byte[] message, SignatureValue signature)
      throws Exception {
    Signature verifier = Signature.getInstance(scheme.jcaName(), BouncyCastle.PROVIDER);
    verifier.initVerify(key.key());
    verifier.update(message);
    return verifier.verify(signature.octets());
  }

  @ParameterizedTest
  @CsvSource({
    "EC_P256, ECDSA_SHA256",
    "EC_P384, ECDSA_SHA384",
    "RSA_2048, RSA_SHA256",
    "RSA_2048, RSA_PSS_SHA256",
    "RSA_3072, RSA_SHA256",
    "RSA_4096, RSA_PSS_SHA256"
  })
  void aGeneratedKeySignsNowAndAfterTheNextStart(KeyAlgorithm algorithm, SigningScheme scheme)
      throws Exception {
    KeyId id = freshId();
    Token first = token();
    if (!can(algorithm, scheme)) {
      assertThatThrownBy(() -> first.ocspKey(id, first.generate(id, algorithm), scheme))
          .isInstanceOfAny(TokenUnusable.class, TokenAway.class);
      return;
    }
    SubjectPublicKey generated = first.generate(id, algorithm);

    assertThat(generated.algorithm()).isEqualTo(algorithm);
    assertThat(first.find(id)).contains(generated);
    OcspKey key = first.ocspKey(id, generated, scheme);
    assertThat(verifies(generated, scheme, answer("a"), key.sign(answer("a")))).isTrue();
    first.close();

    Token second = token();
    assertThat(second.find(id)).contains(generated);
    OcspKey again = second.ocspKey(id, generated, scheme);
    SignatureValue signature = again.sign(answer("b"));
    assertThat(verifies(generated, scheme, answer("b"), signature)).isTrue();
    assertThat(verifies(generated, scheme, answer("a"), signature)).isFalse();
    second.issuerKey(id, generated, scheme).probe();
    CrlKey crlKey = second.crlKey(id, generated, scheme);
    crlKey.probe();
    byte[] list = new byte[200_000];
    list[100_000] = 1;
    SignatureValue overList = crlKey.sign(OneCrl.recorded(Octets.of(list), scheme));
    assertThat(verifies(generated, scheme, list, overList)).isTrue();
  }

  @Test
  void anIdCanBeAnyOctets() throws Exception {
    KeyId id = new KeyId("00ff2f0a80c3" + HexFormat.of().toHexDigits(ids++));
    Token token = token();
    SubjectPublicKey generated = token.generate(id, KeyAlgorithm.EC_P256);

    assertThat(token.find(id)).contains(generated);
    token.ocspKey(id, generated, SigningScheme.ECDSA_SHA256).probe();
  }

  @Test
  void anIdOf64OctetsIsOneToo() throws Exception {
    KeyId id = new KeyId("ab".repeat(60) + HexFormat.of().toHexDigits(ids++));
    Token token = token();
    SubjectPublicKey generated = token.generate(id, KeyAlgorithm.EC_P256);

    token.ocspKey(id, generated, SigningScheme.ECDSA_SHA256).probe();
  }

  @Test
  void aTakenIdIsRefusedAndTheOldKeyStays() throws Exception {
    KeyId id = freshId();
    Token token = token();
    SubjectPublicKey old = token.generate(id, KeyAlgorithm.EC_P256);

    assertThatThrownBy(() -> token.generate(id, KeyAlgorithm.RSA_2048))
        .isInstanceOf(TokenUnusable.class)
        .hasMessageContaining("already has")
        .hasMessageContaining(id.hex());
    assertThat(token.find(id)).contains(old);
    token.ocspKey(id, old, SigningScheme.ECDSA_SHA256).probe();
  }

  @Test
  void aMissingKeyIsFoundNowhereAndGivenToNobody() throws Exception {
    Token token = token();
    SubjectPublicKey other = token.generate(freshId(), KeyAlgorithm.EC_P256);
    KeyId missing = id("nobody");

    assertThat(token.find(missing)).isEmpty();
    assertThatThrownBy(() -> token.issuerKey(missing, other, SigningScheme.ECDSA_SHA256))
        .isInstanceOf(TokenUnusable.class)
        .hasMessageContaining(missing.hex());
  }

  @Test
  void anotherKeyThanTheCertificatesIsRefused() throws Exception {
    Token token = token();
    KeyId id = freshId();
    token.generate(id, KeyAlgorithm.EC_P256);
    SubjectPublicKey other = token.generate(freshId(), KeyAlgorithm.EC_P256);

    assertThatThrownBy(() -> token.issuerKey(id, other, SigningScheme.ECDSA_SHA256))
        .isInstanceOf(TokenUnusable.class)
        .hasMessageContaining("is not the key of the certificate");
    assertThatThrownBy(() -> token.crlKey(id, other, SigningScheme.ECDSA_SHA256))
        .isInstanceOf(TokenUnusable.class);
    assertThatThrownBy(() -> token.ocspKey(id, other, SigningScheme.ECDSA_SHA256))
        .isInstanceOf(TokenUnusable.class);
  }

  @Test
  void aSchemeThatIsNotTheKeysIsRefused() throws Exception {
    Token token = token();
    KeyId id = freshId();
    SubjectPublicKey key = token.generate(id, KeyAlgorithm.EC_P256);

    assertThatThrownBy(() -> token.issuerKey(id, key, SigningScheme.ECDSA_SHA384))
        .isInstanceOf(IllegalArgumentException.class);
  }

  @ParameterizedTest
  @CsvSource({"EC_P521", "ED25519"})
  void keysThatCannotBeCaKeysAreNotMade(KeyAlgorithm algorithm) throws Exception {
    Token token = token();
    KeyId id = freshId();

    assertThatThrownBy(() -> token.generate(id, algorithm)).isInstanceOf(TokenUnusable.class);
    assertThat(token.find(id)).isEmpty();
  }

  @Test
  void eightThreadsSignAtOnce() throws Exception {
    try (ExecutorService callers = Executors.newFixedThreadPool(8)) {
      signFrom(callers, 8);
    }
  }

  @Test
  void virtualThreadsSignAtOnce() throws Exception {
    try (ExecutorService callers = Executors.newVirtualThreadPerTaskExecutor()) {
      signFrom(callers, 8);
    }
  }

  private void signFrom(ExecutorService callers, int count) throws Exception {
    Token token = token();
    KeyId id = freshId();
    SubjectPublicKey key = token.generate(id, KeyAlgorithm.EC_P256);
    OcspKey signer = token.ocspKey(id, key, SigningScheme.ECDSA_SHA256);
    List<Future<Integer>> verified = new ArrayList<>();
    for (int caller = 0; caller < count; caller++) {
      String name = "caller " + caller;
      verified.add(
          callers.submit(() -> {
            int good = 0;
            for (int i = 0; i < 100; i++) {
              ResponseData answer = answer(name + " answer " + i);
              if (verifies(key, SigningScheme.ECDSA_SHA256, answer, signer.sign(answer))) {
                good++;
              }
            }
            return good;
          }));
    }
    for (Future<Integer> good : verified) {
      assertThat(good.get()).isEqualTo(100);
    }
  }

  @Test
  void keysOfAClosedTokenAreAway() throws Exception {
    Token token = token();
    KeyId id = freshId();
    SubjectPublicKey key = token.generate(id, KeyAlgorithm.EC_P256);
    IssuerKey issuer = token.issuerKey(id, key, SigningScheme.ECDSA_SHA256);
    token.close();

    assertThatThrownBy(issuer::probe)
        .isInstanceOf(TokenAway.class)
        .hasMessageContaining("is closed");
    token.close();
  }

  @Test
  void closingOneDoesNotDisturbAnother() throws Exception {
    Token one = token();
    Token other = token();
    KeyId id = freshId();
    SubjectPublicKey key =
        (seesWhatAnotherMakes() ? one : other).generate(id, KeyAlgorithm.EC_P256);
    IssuerKey issuer = other.issuerKey(id, key, SigningScheme.ECDSA_SHA256);
    one.close();

    issuer.probe();
    assertThat(other.find(id)).contains(key);
  }
}
