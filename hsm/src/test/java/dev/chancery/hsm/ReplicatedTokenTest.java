package dev.chancery.hsm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import dev.chancery.core.BouncyCastle;
import dev.chancery.core.SigningScheme;
import dev.chancery.core.SubjectPublicKey;
import dev.chancery.core.TokenAway;
import dev.chancery.testing.FaultyModule;
import dev.chancery.testing.Pkcs11Function;
import dev.chancery.testing.ReturnCode;
import dev.chancery.testing.SoftHsmToken;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.interfaces.ECPrivateKey;
import java.security.spec.ECGenParameterSpec;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.bouncycastle.asn1.DEROctetString;
import org.bouncycastle.asn1.x509.SubjectPublicKeyInfo;
import org.bouncycastle.asn1.x9.X9ObjectIdentifiers;
import org.bouncycastle.util.BigIntegers;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** One key in two SoftHSM2 tokens: the second signs for as long as the first is away. */
@Timeout(60)
final class ReplicatedTokenTest {
  @TempDir private static Path folder;

  private static SubjectPublicKey publicKey;
  private static KeyId id;
  private static KeyId alone;
  private static KeyId another;
  private static FaultyModule firstModule;
  private static FaultyModule secondModule;
  private static SoftHsmToken firstToken;
  private static SoftHsmToken secondToken;

  private final Losses losses = new Losses();
  private final List<Pkcs11Token> opened = new ArrayList<>();

  /** Which tokens were lost, in this order. */
  private static final class Losses implements TokenObserver {
    private final List<String> tokens = new CopyOnWriteArrayList<>();

    @Override
    public void lost(String token, long generation, String why) {
      tokens.add(token);
    }
  }

  @BeforeAll
  static void cloneKey() throws Exception {
    KeyPairGenerator generator = KeyPairGenerator.getInstance("EC", BouncyCastle.PROVIDER);
    generator.initialize(new ECGenParameterSpec("P-256"));
    KeyPair pair = generator.generateKeyPair();
    publicKey = SubjectPublicKey.of(pair.getPublic());
    id = TokenContract.freshId();
    firstModule = FaultyModule.build(folder);
    secondModule = FaultyModule.build(folder);
    firstToken = SoftHsmToken.create(folder, FreshToken.label("first"));
    secondToken = SoftHsmToken.create(folder, FreshToken.label("second"));
    alone = TokenContract.freshId();
    another = TokenContract.freshId();
    // Now, while nobody is logged in: SoftHSM2 writes to a token's file when somebody logs in, and
    // whoever loads the token just then does not see it.
    bring(firstToken, Map.of(id, pair, alone, pair, another, pair));
    bring(secondToken, Map.of(id, pair, another, generator.generateKeyPair()));
  }

  @AfterAll
  static void endModules() {
    firstModule.close();
    secondModule.close();
  }

  @BeforeEach
  @AfterEach
  void everythingWorks() {
    firstModule.clear();
    secondModule.clear();
    opened.forEach(Token::close);
    opened.clear();
  }

  /** What a vendor's replication does: the same key, and its certificate beside it. */
  private static void bring(SoftHsmToken token, Map<KeyId, KeyPair> keys) throws Exception {
    Path library = FreshToken.module(folder);
    Cryptoki module = Cryptoki.load(library, FreshToken.ENVIRONMENT);
    TokenName name = new TokenName(Optional.of(token.label()), Optional.empty());
    try (CryptokiSession session = module.open(name.in(library, module.tokens()), true)) {
      session.login(SoftHsmToken.PIN.toCharArray());
      for (Map.Entry<KeyId, KeyPair> key : keys.entrySet()) {
        bring(session, key.getKey(), key.getValue());
      }
    }
  }

  private static void bring(CryptokiSession session, KeyId id, KeyPair pair) throws Exception {
    byte[] curve = X9ObjectIdentifiers.prime256v1.getEncoded("DER");
    byte[] point =
        SubjectPublicKeyInfo.getInstance(pair.getPublic().getEncoded())
            .getPublicKeyData()
            .getOctets();
    byte[] value = BigIntegers.asUnsignedByteArray(32, ((ECPrivateKey) pair.getPrivate()).getS());
    session.create(
        new CryptokiTemplate()
            .with(CryptokiAttribute.CKA_CLASS, Pkcs11Objects.CKO_PRIVATE_KEY)
            .with(CryptokiAttribute.CKA_KEY_TYPE, Pkcs11Objects.CKK_EC)
            .with(CryptokiAttribute.CKA_TOKEN, true)
            .with(CryptokiAttribute.CKA_PRIVATE, true)
            .with(CryptokiAttribute.CKA_SENSITIVE, true)
            .with(CryptokiAttribute.CKA_EXTRACTABLE, false)
            .with(CryptokiAttribute.CKA_SIGN, true)
            .with(CryptokiAttribute.CKA_ID, id.octets())
            .with(CryptokiAttribute.CKA_EC_PARAMS, curve)
            .with(CryptokiAttribute.CKA_VALUE, value));
    session.create(
        new CryptokiTemplate()
            .with(CryptokiAttribute.CKA_CLASS, Pkcs11Objects.CKO_PUBLIC_KEY)
            .with(CryptokiAttribute.CKA_KEY_TYPE, Pkcs11Objects.CKK_EC)
            .with(CryptokiAttribute.CKA_TOKEN, true)
            .with(CryptokiAttribute.CKA_ID, id.octets())
            .with(CryptokiAttribute.CKA_EC_PARAMS, curve)
            .with(CryptokiAttribute.CKA_EC_POINT, new DEROctetString(point).getEncoded("DER")));
    session.create(Pkcs11KeyPairs.certificate(id, SubjectPublicKey.of(pair.getPublic())));
  }

  private static Pkcs11Settings settings(FaultyModule module, SoftHsmToken token, Path pinFile) {
    return new Pkcs11Settings(
        module.library(),
        Optional.of(token.label()),
        Optional.empty(),
        pinFile,
        4,
        Duration.ofSeconds(5),
        Pkcs11Settings.Place.PROCESS,
        Map.copyOf(module.environment()));
  }

  private Pkcs11Token first() throws Exception {
    return opened(
        Pkcs11Token.openWhenThere(settings(firstModule, firstToken, firstToken.pinFile()), losses));
  }

  private Pkcs11Token second() throws Exception {
    return opened(
        Pkcs11Token.openWhenThere(
            settings(secondModule, secondToken, secondToken.pinFile()), losses));
  }

  private Pkcs11Token opened(Pkcs11Token token) {
    opened.add(token);
    return token;
  }

  private static IssuerKey key(Pkcs11Token... tokens) throws Exception {
    return new ReplicatedToken(List.of(tokens))
        .issuerKey(id, publicKey, SigningScheme.ECDSA_SHA256);
  }

  /** Takes the token away, and lets it not come back before the module is cleared. */
  private static void takeAway(FaultyModule module) {
    module.always(Pkcs11Function.C_GET_TOKEN_INFO, ReturnCode.CKR_TOKEN_NOT_PRESENT);
    module.sticky(ReturnCode.CKR_DEVICE_REMOVED);
  }

  private static void awaitUp(Pkcs11Token token) {
    await().until(() -> token.health().state() == TokenHealth.State.UP);
  }

  private static long signatures(FaultyModule module) {
    return module.successes(Pkcs11Function.C_SIGN);
  }

  private static void assertSignsWith(FaultyModule one, FaultyModule notTheOther, IssuerKey key)
      throws TokenAway {
    long before = signatures(one);
    long others = signatures(notTheOther);
    for (int i = 0; i < 10; i++) {
      key.probe();
    }
    assertThat(signatures(one)).isEqualTo(before + 10);
    assertThat(signatures(notTheOther)).isEqualTo(others);
  }

  @Test
  void theFirstSignsForAsLongAsItIsThere() throws Exception {
    IssuerKey key = key(first(), second());

    assertSignsWith(firstModule, secondModule, key);
    assertThat(losses.tokens).isEmpty();
  }

  @Test
  void aLostFirstIsSeenByOneRequestAndIsUsedAgainWhenItIsBack() throws Exception {
    Pkcs11Token first = first();
    IssuerKey key = key(first, second());
    takeAway(firstModule);

    assertThatThrownBy(key::probe)
        .isInstanceOf(TokenAway.class)
        .hasMessageContaining("CKR_DEVICE_REMOVED");
    assertSignsWith(secondModule, firstModule, key);

    firstModule.clear();
    awaitUp(first);
    assertSignsWith(firstModule, secondModule, key);
    assertThat(losses.tokens).containsExactly(first.description());
  }

  @Test
  void aLostSecondIsSeenByNobody() throws Exception {
    Pkcs11Token second = second();
    IssuerKey key = key(first(), second);
    IssuerKey own = second.issuerKey(id, publicKey, SigningScheme.ECDSA_SHA256);
    takeAway(secondModule);
    assertThatThrownBy(own::probe).isInstanceOf(TokenAway.class);

    assertSignsWith(firstModule, secondModule, key);
  }

  @Test
  void whenBothAreAwayTheRequestIsToldSoAndEitherIsEnough() throws Exception {
    Pkcs11Token second = second();
    IssuerKey key = key(first(), second);
    takeAway(firstModule);
    takeAway(secondModule);

    for (int i = 0; i < 10; i++) {
      assertThatThrownBy(key::probe).isInstanceOf(TokenAway.class);
    }
    secondModule.clear();
    awaitUp(second);
    assertSignsWith(secondModule, firstModule, key);
  }

  @Test
  void aSecondThatIsNotThereAtTheStartIsWaitedFor() throws Exception {
    secondModule.always(Pkcs11Function.C_GET_TOKEN_INFO, ReturnCode.CKR_TOKEN_NOT_PRESENT);
    Pkcs11Token second = second();
    assertThat(second.health().state()).isEqualTo(TokenHealth.State.AWAY);
    IssuerKey key = key(first(), second);
    assertSignsWith(firstModule, secondModule, key);

    secondModule.clear();
    awaitUp(second);
    takeAway(firstModule);
    assertThatThrownBy(key::probe).isInstanceOf(TokenAway.class);
    assertSignsWith(secondModule, firstModule, key);
  }

  @Test
  void aFirstThatIsNotThereAtTheStartIsWaitedFor() throws Exception {
    firstModule.always(Pkcs11Function.C_GET_TOKEN_INFO, ReturnCode.CKR_TOKEN_NOT_PRESENT);
    Pkcs11Token first = first();
    IssuerKey key = key(first, second());
    assertSignsWith(secondModule, firstModule, key);

    firstModule.clear();
    awaitUp(first);
    assertSignsWith(firstModule, secondModule, key);
  }

  @Test
  void aWrongPinOfTheSecondIsRefusedAtOnce() throws Exception {
    Path wrong = Files.writeString(folder.resolve("wrong-standby.pin"), "98765432\n");
    long refused = refusedLogins();

    assertThatThrownBy(
            () -> Pkcs11Token.openWhenThere(settings(secondModule, secondToken, wrong), losses))
        .isInstanceOf(TokenUnusable.class)
        .hasMessageContaining("the PIN is wrong");
    assertThat(refusedLogins()).isEqualTo(refused + 1);
  }

  // An attempt of the test before may still be under way, with the right PIN.
  private static long refusedLogins() {
    return secondModule.calls(Pkcs11Function.C_LOGIN)
        - secondModule.successes(Pkcs11Function.C_LOGIN);
  }

  @Test
  void aKeyThatTheSecondDoesNotHaveOrThatDiffersIsRefused() throws Exception {
    Pkcs11Token first = first();
    Pkcs11Token second = second();
    ReplicatedToken both = new ReplicatedToken(List.of(first, second));

    assertThatThrownBy(() -> both.issuerKey(alone, publicKey, SigningScheme.ECDSA_SHA256))
        .isInstanceOf(TokenUnusable.class)
        .hasMessageContaining(second.description() + " has no private key " + alone);
    assertThatThrownBy(() -> both.issuerKey(another, publicKey, SigningScheme.ECDSA_SHA256))
        .isInstanceOf(TokenUnusable.class)
        .hasMessageContaining(
            "the key " + another + " of " + second.description() + " is not the key")
        .hasMessageContaining("of the certificate");
  }

  @Test
  void aSecondThatComesLaterWithoutTheKeyStandsInForNobody() throws Exception {
    secondModule.always(Pkcs11Function.C_GET_TOKEN_INFO, ReturnCode.CKR_TOKEN_NOT_PRESENT);
    Pkcs11Token second = second();
    IssuerKey key =
        new ReplicatedToken(List.of(first(), second))
            .issuerKey(alone, publicKey, SigningScheme.ECDSA_SHA256);
    secondModule.clear();
    // The second time it begins anew, it has seen what the first one found.
    long begun = secondModule.successes(Pkcs11Function.C_INITIALIZE);
    await().until(() -> secondModule.successes(Pkcs11Function.C_INITIALIZE) > begun + 1);
    assertThat(second.health().state()).isEqualTo(TokenHealth.State.AWAY);

    key.probe();
    takeAway(firstModule);
    assertThatThrownBy(key::probe).isInstanceOf(TokenAway.class);
    assertThatThrownBy(key::probe).isInstanceOf(TokenAway.class);
  }

  @Test
  void wrongSignaturesEndTheTokenThatGaveThemAndNoOther() throws Exception {
    Pkcs11Token first = first();
    Pkcs11Token second = second();
    IssuerKey key = key(first, second);
    try (ExecutorService callers = Executors.newFixedThreadPool(4)) {
      for (int round = 0; round < 5; round++) {
        awaitUp(first);
        firstModule.delay(Pkcs11Function.C_SIGN, Duration.ofMillis(100));
        firstModule.corrupt(Pkcs11Function.C_SIGN, 1_000_000);
        CyclicBarrier together = new CyclicBarrier(4);
        List<Future<?>> told = new ArrayList<>();
        for (int i = 0; i < 4; i++) {
          told.add(
              callers.submit(() -> {
                together.await();
                assertThatThrownBy(key::probe).isInstanceOf(TokenAway.class);
                return null;
              }));
        }
        for (Future<?> each : told) {
          each.get();
        }
        key.probe();
        firstModule.clear();
      }
    }

    assertThat(losses.tokens).hasSize(5).containsOnly(first.description());
    assertThat(second.health().generation()).isEqualTo(1);
  }
}
