package dev.chancery.hsm;

import static dev.chancery.testing.Pkcs11Function.C_CLOSE_SESSION;
import static dev.chancery.testing.Pkcs11Function.C_GET_SLOT_LIST;
import static dev.chancery.testing.Pkcs11Function.C_LOGIN;
import static dev.chancery.testing.Pkcs11Function.C_OPEN_SESSION;
import static dev.chancery.testing.Pkcs11Function.C_SIGN;
import static dev.chancery.testing.Pkcs11Function.C_SIGN_FINAL;
import static dev.chancery.testing.Pkcs11Function.C_SIGN_INIT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.chancery.core.KeyAlgorithm;
import dev.chancery.testing.FaultyModule;
import dev.chancery.testing.Pkcs11Function;
import dev.chancery.testing.ReturnCode;
import dev.chancery.testing.SoftHsmToken;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.security.KeyPair;
import java.security.ProviderException;
import java.security.PublicKey;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

final class FaultyModuleTest {
  @TempDir private static Path folder;

  private static SoftHsmToken softHsm;
  private static FaultyModule faults;

  private Instance instance;

  /** A copy of the module that was loaded, and the test's token in it. */
  private record Instance(Path library, Cryptoki module, CryptokiToken token) {
    static Instance load(FaultyModule faulty) throws Exception {
      Path library = faulty.copy();
      Cryptoki module = Cryptoki.load(library, faulty.environment());
      return new Instance(library, module, tokenIn(module));
    }

    private static CryptokiToken tokenIn(Cryptoki module) throws CryptokiError {
      return module.tokens().stream()
          .filter(token -> token.label().equals(softHsm.label()))
          .findFirst()
          .orElseThrow();
    }

    CryptokiToken reread() throws CryptokiError {
      return tokenIn(module);
    }

    CryptokiSession session() throws CryptokiError {
      return module.open(token, false);
    }

    BareSunPkcs11 provider() throws Exception {
      return BareSunPkcs11.open(library, token);
    }
  }

  @BeforeAll
  static void buildModule() {
    softHsm = SoftHsmToken.create(folder, FreshToken.label("faulty"));
    faults = FaultyModule.build(folder);
  }

  @BeforeEach
  void loadInstance() throws Exception {
    instance = Instance.load(faults);
  }

  @AfterEach
  void clear() {
    faults.clear();
  }

  @AfterAll
  static void closeModule() {
    faults.close();
  }

  private static void assertCode(ReturnCode code, ThrowingCallable call) {
    assertThatThrownBy(call)
        .isInstanceOfSatisfying(
            CryptokiError.class, error -> assertThat(error.code()).isEqualTo(code.code()));
  }

  private static void assertReason(ReturnCode code, ThrowingCallable call) {
    assertThatThrownBy(call).rootCause().hasMessage(code.name());
  }

  private static void awaitRunning(Pkcs11Function function) throws InterruptedException {
    long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(20);
    while (faults.running(function) == 0 && System.nanoTime() < end) {
      Thread.sleep(1);
    }
    assertThat(faults.running(function)).isPositive();
  }

  @Test
  void aFaultComesAsOftenAsItWasSetAndIsCounted() throws Exception {
    long calls = faults.calls(C_OPEN_SESSION);
    long successes = faults.successes(C_OPEN_SESSION);
    faults.next(C_OPEN_SESSION, ReturnCode.CKR_DEVICE_ERROR, 2);

    assertCode(ReturnCode.CKR_DEVICE_ERROR, instance::session);
    assertCode(ReturnCode.CKR_DEVICE_ERROR, instance::session);
    instance.session().close();

    assertThat(faults.calls(C_OPEN_SESSION)).isEqualTo(calls + 3);
    assertThat(faults.successes(C_OPEN_SESSION)).isEqualTo(successes + 1);
  }

  @Test
  void aLastingFaultEndsWhenItIsCleared() throws Exception {
    faults.always(C_GET_SLOT_LIST, ReturnCode.CKR_DEVICE_REMOVED);
    for (int i = 0; i < 10; i++) {
      assertCode(ReturnCode.CKR_DEVICE_REMOVED, instance.module()::tokens);
    }

    faults.clear(C_GET_SLOT_LIST);
    assertThat(instance.module().tokens()).isNotEmpty();
  }

  // The JDK has a list of its own, which it takes the names from.
  @Test
  void everyCodeHasItsNumber() throws Exception {
    BareSunPkcs11 provider = instance.provider();
    KeyPair pair = provider.generate("EC", 256);
    for (ReturnCode code : ReturnCode.values()) {
      if (code != ReturnCode.CKR_OK) {
        faults.next(C_SIGN_INIT, code, 1);
        assertReason(code, () -> provider.sign(pair.getPrivate()));
      }
    }
  }

  @Test
  void aFreshCopyWorksWhereTheOldOneIsDeadForEver() throws Exception {
    BareSunPkcs11 dead = instance.provider();
    KeyPair pair = dead.generate("EC", 256);
    assertThat(BareSunPkcs11.verifies(pair.getPublic(), dead.sign(pair.getPrivate()))).isTrue();

    faults.sticky(ReturnCode.CKR_DEVICE_ERROR);
    assertReason(ReturnCode.CKR_DEVICE_ERROR, () -> dead.sign(pair.getPrivate()));
    assertCode(ReturnCode.CKR_DEVICE_ERROR, instance::session);

    BareSunPkcs11 fresh = Instance.load(faults).provider();
    KeyPair other = fresh.generate("EC", 256);
    assertThat(BareSunPkcs11.verifies(other.getPublic(), fresh.sign(other.getPrivate()))).isTrue();
    faults.clear();
    assertReason(ReturnCode.CKR_DEVICE_ERROR, () -> dead.sign(pair.getPrivate()));
  }

  @Test
  void aFlippedBitDoesNotVerify() throws Exception {
    BareSunPkcs11 provider = instance.provider();
    for (KeyPair pair : List.of(provider.generate("EC", 256), provider.generate("RSA", 2048))) {
      PublicKey key = pair.getPublic();
      faults.corrupt(C_SIGN, 1);
      faults.corrupt(C_SIGN_FINAL, 1);

      assertThat(BareSunPkcs11.verifies(key, provider.sign(pair.getPrivate()))).isFalse();
      assertThat(BareSunPkcs11.verifies(key, provider.sign(pair.getPrivate()))).isTrue();
      faults.clear();
    }
  }

  // As the standard wants it: otherwise the next one to use the session would get
  // CKR_OPERATION_ACTIVE, which no real token answers here.
  @ParameterizedTest
  @EnumSource(names = {"C_SIGN", "C_SIGN_UPDATE", "C_SIGN_FINAL"})
  void aSessionCanSignAfterAnError(Pkcs11Function function) throws Exception {
    BareSunPkcs11 provider = instance.provider();
    for (KeyPair pair : List.of(provider.generate("EC", 256), provider.generate("RSA", 2048))) {
      faults.next(function, ReturnCode.CKR_FUNCTION_FAILED, 1);
      long before = faults.calls(function);
      boolean failed = false;
      try {
        provider.sign(pair.getPrivate());
      } catch (ProviderException e) {
        failed = true;
      }

      assertThat(failed).isEqualTo(faults.calls(function) > before);
      faults.clear();
      byte[] signature = provider.sign(pair.getPrivate());
      assertThat(BareSunPkcs11.verifies(pair.getPublic(), signature)).isTrue();
    }
  }

  @Test
  void aCallCanFailAfterItWasDone() throws Exception {
    try (CryptokiSession session = instance.session()) {
      faults.failAfterwards(C_LOGIN, ReturnCode.CKR_GENERAL_ERROR, 1);
      long logins = faults.logins();
      assertCode(ReturnCode.CKR_GENERAL_ERROR, () -> session.login(SoftHsmToken.PIN.toCharArray()));
      assertThat(faults.logins()).isEqualTo(logins + 1);
      assertCode(
          ReturnCode.CKR_USER_ALREADY_LOGGED_IN,
          () -> session.login(SoftHsmToken.PIN.toCharArray()));
    }
  }

  @Test
  void aHangLastsUntilItIsClearedAndSparesLaterInstances() throws Exception {
    BareSunPkcs11 provider = instance.provider();
    KeyPair pair = provider.generate("EC", 256);
    faults.hangLoaded(C_SIGN);
    try (ExecutorService executor = Executors.newSingleThreadExecutor()) {
      Future<byte[]> signature = executor.submit(() -> provider.sign(pair.getPrivate()));
      awaitRunning(C_SIGN);

      BareSunPkcs11 fresh = Instance.load(faults).provider();
      KeyPair other = fresh.generate("EC", 256);
      fresh.sign(other.getPrivate());
      assertThat(signature).isNotDone();

      faults.clear();
      assertThat(BareSunPkcs11.verifies(pair.getPublic(), signature.get(20, TimeUnit.SECONDS)))
          .isTrue();
    } finally {
      // Otherwise the executor would wait for ever for the thread that hangs.
      faults.clear();
    }
    assertThat(faults.running(C_SIGN)).isZero();
  }

  @Test
  void aHangForAllHitsLaterInstancesToo() throws Exception {
    faults.hang(C_CLOSE_SESSION);
    CryptokiSession session = Instance.load(faults).session();
    Thread closing = Thread.ofPlatform().start(() -> close(session));
    awaitRunning(C_CLOSE_SESSION);
    faults.clear();
    closing.join(Duration.ofSeconds(20));
    assertThat(closing.isAlive()).isFalse();
  }

  private static void close(CryptokiSession session) {
    try {
      session.close();
    } catch (CryptokiError e) {
      throw new IllegalStateException(e);
    }
  }

  @Test
  void aDelayedCallTakesThatLong() throws Exception {
    faults.delay(C_OPEN_SESSION, Duration.ofMillis(200));
    long start = System.nanoTime();
    instance.session().close();
    assertThat(Duration.ofNanos(System.nanoTime() - start)).isGreaterThan(Duration.ofMillis(199));
  }

  @Test
  void aLimitOfSessionsIsKeptAndTold() throws Exception {
    faults.sessionLimit(2);
    long open = faults.openSessions();
    try (CryptokiSession first = instance.session();
        CryptokiSession second = instance.session();
        Arena arena = Arena.ofConfined()) {
      assertThat(first).isNotSameAs(second);
      assertCode(ReturnCode.CKR_SESSION_COUNT, instance::session);
      assertThat(faults.openSessions()).isEqualTo(open + 2);

      // ulMaxSessionCount and ulSessionCount of CK_TOKEN_INFO.
      MemorySegment info = arena.allocate(256, 8);
      instance.module().call(CryptokiFunction.C_GET_TOKEN_INFO, instance.token().slot(), info);
      assertThat(info.get(JAVA_LONG, 104)).isEqualTo(2);
      assertThat(info.get(JAVA_LONG, 112)).isEqualTo(2);
    }
    instance.session().close();
    assertThat(faults.openSessions()).isEqualTo(open);
  }

  @Test
  void privateKeysCanBeHidden() throws Exception {
    KeyId one = TokenContract.freshId();
    KeyId other = TokenContract.freshId();
    try (CryptokiSession session = instance.module().open(instance.token(), true)) {
      session.login(SoftHsmToken.PIN.toCharArray());
      Pkcs11KeyPairs pairs = new Pkcs11KeyPairs("faulty", session);
      pairs.generate(one, KeyAlgorithm.EC_P256);
      pairs.generate(other, KeyAlgorithm.EC_P256);
      Pkcs11Objects objects = new Pkcs11Objects("faulty", session);

      faults.hidePrivateKeys(one.octets());
      assertThat(objects.privateKey(one)).isEmpty();
      assertThat(objects.privateKey(other)).isPresent();
      assertThat(objects.taken(one)).as("the public key and the certificate").isTrue();

      faults.hidePrivateKeys();
      assertThat(objects.privateKey(other)).isEmpty();

      faults.clear();
      assertThat(objects.privateKey(one)).isPresent();
    }
  }

  @ParameterizedTest
  @EnumSource
  void theStateOfThePinIsTold(FaultyModule.UserPin state) throws Exception {
    faults.userPin(state);
    assertThat(instance.reread().finalTry()).isEqualTo(state == FaultyModule.UserPin.FINAL_TRY);
    assertThat(instance.reread().locked()).isEqualTo(state == FaultyModule.UserPin.LOCKED);
  }

  @Test
  void twoModulesFailEachOnItsOwn() throws Exception {
    try (FaultyModule other = FaultyModule.build(folder)) {
      Instance beside = Instance.load(other);
      assertThat(other.instances()).isEqualTo(1);
      faults.always(C_OPEN_SESSION, ReturnCode.CKR_DEVICE_ERROR);

      assertCode(ReturnCode.CKR_DEVICE_ERROR, instance::session);
      beside.session().close();
    }
  }
}
