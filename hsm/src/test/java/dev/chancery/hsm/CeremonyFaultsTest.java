package dev.chancery.hsm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.chancery.core.KeyAlgorithm;
import dev.chancery.core.TokenAway;
import dev.chancery.testing.FaultyModule;
import dev.chancery.testing.Pkcs11Function;
import dev.chancery.testing.ReturnCode;
import dev.chancery.testing.SoftHsmToken;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** What a person is told when the token fails in the middle of what was asked of it. */
final class CeremonyFaultsTest {
  @TempDir private static Path folder;

  private static FaultyModule faults;
  private static TokenCeremony ceremony;

  private KeyId id;

  @BeforeAll
  static void logIn() throws Exception {
    SoftHsmToken token = SoftHsmToken.create(folder, FreshToken.label("faults"));
    faults = FaultyModule.build(folder);
    ceremony =
        TokenModule.load(faults.library(), faults.environment(), Duration.ofSeconds(30))
            .open(new TokenName(Optional.of(token.label()), Optional.empty()), token.pinFile());
  }

  @AfterAll
  static void logOut() throws Exception {
    faults.clear();
    ceremony.close();
    faults.close();
  }

  @BeforeEach
  void makeKey() throws Exception {
    faults.clear();
    id = TokenContract.freshId();
    ceremony.generate(id, KeyAlgorithm.EC_P256, true);
  }

  @ParameterizedTest
  @EnumSource(
      names = {"CKR_OK", "CKR_ATTRIBUTE_TYPE_INVALID", "CKR_ATTRIBUTE_SENSITIVE"},
      mode = EnumSource.Mode.EXCLUDE)
  void anAttributeThatCouldNotBeReadIsNoneThatTheModuleDoesNotHave(ReturnCode code) {
    faults.always(Pkcs11Function.C_GET_ATTRIBUTE_VALUE, code);

    String says = "C_GET_ATTRIBUTE_VALUE: ";
    assertThatThrownBy(() -> ceremony.keys(id))
        .isInstanceOf(TokenAway.class)
        .hasMessageContaining(says);
    assertThatThrownBy(() -> ceremony.key(id))
        .isInstanceOf(TokenAway.class)
        .hasMessageContaining(says);
  }

  @Test
  void aTokenThatFailsWhileItIsCheckedIsNotOneWithWeakKeys() {
    // Some of the attributes are read by then.
    faults.later(
        Pkcs11Function.C_GET_ATTRIBUTE_VALUE, 11, ReturnCode.CKR_SESSION_HANDLE_INVALID, 1_000);

    assertThatThrownBy(() -> ceremony.check(1))
        .isInstanceOf(TokenAway.class)
        .hasMessageContaining("CKR_SESSION_HANDLE_INVALID");
    assertThatThrownBy(() -> ceremony.keys())
        .isInstanceOf(TokenAway.class)
        .hasMessageContaining("CKR_SESSION_HANDLE_INVALID");
  }

  @Test
  void whatAModuleDoesNotHaveAndWhatItDoesNotShowAreTwoThings() throws Exception {
    // The id is read, with two calls, and then the first of the attributes.
    faults.later(Pkcs11Function.C_GET_ATTRIBUTE_VALUE, 2, ReturnCode.CKR_ATTRIBUTE_TYPE_INVALID, 1);
    assertThat(details(ceremony.key(id)))
        .containsExactly("FAIL CKA_SENSITIVE is unknown to this module");

    faults.later(Pkcs11Function.C_GET_ATTRIBUTE_VALUE, 2, ReturnCode.CKR_ATTRIBUTE_SENSITIVE, 1);
    assertThat(details(ceremony.key(id)))
        .containsExactly("FAIL CKA_SENSITIVE is not shown by this module");
  }

  private static List<String> details(InspectedKey key) {
    return key.findings().stream()
        .map(finding -> finding.level() + " " + finding.detail())
        .toList();
  }

  @ParameterizedTest
  @EnumSource(names = {"CKR_ATTRIBUTE_VALUE_INVALID", "CKR_FUNCTION_NOT_SUPPORTED"})
  void aTokenThatKeepsNoDataObjectsSaysSo(ReturnCode code) throws Exception {
    faults.always(Pkcs11Function.C_CREATE_OBJECT, code);

    assertThatThrownBy(() -> ceremony.keep("refused", "text"))
        .isInstanceOf(TokenUnusable.class)
        .hasMessageEndingWith(
            "does not keep data objects (CKO_DATA): C_CREATE_OBJECT: %s".formatted(code));
    assertThat(ceremony.notes("refused")).isEmpty();
    assertThat(ceremony.check(1))
        .filteredOn(finding -> finding.subject().equals("data objects"))
        .singleElement()
        .matches(finding -> finding.level() == Finding.Level.WARN)
        .matches(
            finding -> finding.detail().endsWith(code + ": it can bear no mark of a ceremony"));
  }

  @ParameterizedTest
  @CsvSource({
    "CKR_DEVICE_MEMORY, has no room for a data object (CKO_DATA):",
    "CKR_TOKEN_WRITE_PROTECTED, is write protected:",
    "CKR_SESSION_READ_ONLY, is write protected:"
  })
  void aTokenThatWouldKeepADataObjectSaysWhyItDoesNot(ReturnCode code, String reason)
      throws Exception {
    faults.always(Pkcs11Function.C_CREATE_OBJECT, code);

    assertThatThrownBy(() -> ceremony.keep("refused", "text"))
        .isInstanceOf(TokenUnusable.class)
        .hasMessageEndingWith(reason + " C_CREATE_OBJECT: " + code);
    assertThat(ceremony.checkNotes().detail()).contains(reason);
  }

  @ParameterizedTest
  @EnumSource(
      names = {"CKR_DEVICE_ERROR", "CKR_DEVICE_REMOVED", "CKR_GENERAL_ERROR", "CKR_SESSION_CLOSED"})
  void aTokenThatFailsIsNotOneThatKeepsNoDataObjects(ReturnCode code) {
    faults.always(Pkcs11Function.C_CREATE_OBJECT, code);

    assertThatThrownBy(() -> ceremony.keep("failed", "text"))
        .isInstanceOf(TokenAway.class)
        .hasMessageEndingWith("C_CREATE_OBJECT: " + code);
    assertThatThrownBy(() -> ceremony.checkNotes()).isInstanceOf(TokenAway.class);
  }

  @Test
  void aProbeThatCannotBeDestroyedIsReported() throws Exception {
    faults.always(Pkcs11Function.C_DESTROY_OBJECT, ReturnCode.CKR_ACTION_PROHIBITED);
    assertThat(ceremony.checkNotes())
        .matches(finding -> finding.level() == Finding.Level.WARN)
        .matches(finding ->
            finding
                .detail()
                .endsWith(
                    "does not destroy its data object Chancery probe: C_DESTROY_OBJECT:"
                        + " CKR_ACTION_PROHIBITED"));
    assertThat(ceremony.notes("Chancery probe")).hasSize(1);

    // The next one takes away what it left.
    faults.clear();
    assertThat(ceremony.checkNotes().level()).isEqualTo(Finding.Level.PASS);
    assertThat(ceremony.notes("Chancery probe")).isEmpty();
  }

  @Test
  void aNoteThatIsNotShownIsNotTakenForNone() throws Exception {
    ceremony.keep("hidden", "text");
    faults.always(Pkcs11Function.C_GET_ATTRIBUTE_VALUE, ReturnCode.CKR_ATTRIBUTE_SENSITIVE);

    assertThatThrownBy(() -> ceremony.notes("hidden"))
        .isInstanceOf(TokenUnusable.class)
        .hasMessageContaining("does not show its data object hidden");
  }

  @Test
  void aTokenThatIsFullHasNothingOfTheKey() throws Exception {
    KeyId other = TokenContract.freshId();
    for (Pkcs11Function full :
        List.of(Pkcs11Function.C_GENERATE_KEY_PAIR, Pkcs11Function.C_CREATE_OBJECT)) {
      faults.always(full, ReturnCode.CKR_DEVICE_MEMORY);

      assertThatThrownBy(() -> ceremony.generate(other, KeyAlgorithm.EC_P256, true))
          .isInstanceOf(TokenAway.class)
          .hasMessageEndingWith(full + ": CKR_DEVICE_MEMORY");
      assertThat(ceremony.objects(other).isEmpty()).isTrue();
      faults.clear();
    }
    ceremony.generate(other, KeyAlgorithm.EC_P256, true);
  }

  @Test
  void aKeyThatIsMadeInPartAndCannotBeTakenBackIsReported() throws Exception {
    KeyId other = TokenContract.freshId();
    faults.always(Pkcs11Function.C_CREATE_OBJECT, ReturnCode.CKR_DEVICE_MEMORY);

    // SoftHSM2 itself refuses to destroy it.
    assertThatThrownBy(() -> ceremony.generate(other, KeyAlgorithm.EC_P256, false))
        .isInstanceOf(TokenUnusable.class)
        .hasMessageContaining("C_CREATE_OBJECT: CKR_DEVICE_MEMORY")
        .hasMessageContaining("the key " + other + " is made in part (1 private key)");
  }

  @Test
  void aTokenThatIsWriteProtectedSaysSo() {
    faults.next(Pkcs11Function.C_OPEN_SESSION, ReturnCode.CKR_TOKEN_WRITE_PROTECTED, 1);

    assertThatThrownBy(() -> ceremony.generate(TokenContract.freshId(), KeyAlgorithm.EC_P256, true))
        .isInstanceOf(TokenAway.class)
        .hasMessageEndingWith("C_OPEN_SESSION: CKR_TOKEN_WRITE_PROTECTED");

    faults.next(Pkcs11Function.C_OPEN_SESSION, ReturnCode.CKR_TOKEN_WRITE_PROTECTED, 1);
    assertThatThrownBy(() -> ceremony.keep("protected", "text"))
        .isInstanceOf(TokenUnusable.class)
        .hasMessageContaining(" is write protected: ");
  }

  @Test
  void aKeyThatIsDestroyedInPartIsReportedPartByPartAndTheRestGoesTheNextTime() throws Exception {
    faults.later(Pkcs11Function.C_DESTROY_OBJECT, 1, ReturnCode.CKR_DEVICE_ERROR, 1);

    assertThatThrownBy(() -> ceremony.dangerDestroyForEver(id))
        .isInstanceOf(TokenUnusable.class)
        .hasMessageContaining("C_DESTROY_OBJECT: CKR_DEVICE_ERROR")
        .hasMessageContaining("Gone for ever: 1 private key, 1 certificate; left: 1 public key;");
    assertThat(ceremony.keys(id)).isEmpty();
    assertThat(ceremony.objects(id)).isEqualTo(new KeyObjects(0, 1, 0));

    ceremony.dangerDestroyForEver(id);
    assertThat(ceremony.objects(id)).isEqualTo(new KeyObjects(0, 0, 0));
  }

  @Test
  void whenAllButThePrivateKeyStaysAllOfThatIsNamed() throws Exception {
    faults.later(Pkcs11Function.C_DESTROY_OBJECT, 1, ReturnCode.CKR_SESSION_READ_ONLY, 1_000);

    assertThatThrownBy(() -> ceremony.dangerDestroyForEver(id))
        .isInstanceOf(TokenUnusable.class)
        .hasMessageContaining("Gone for ever: 1 private key; left: 1 public key, 1 certificate;");

    faults.clear();
    ceremony.dangerDestroyForEver(id);
    assertThat(ceremony.objects(id)).isEqualTo(new KeyObjects(0, 0, 0));
  }

  @Test
  void aPrivateKeyThatStaysKeepsTheOthers() throws Exception {
    faults.always(Pkcs11Function.C_DESTROY_OBJECT, ReturnCode.CKR_TOKEN_WRITE_PROTECTED);

    assertThatThrownBy(() -> ceremony.dangerDestroyForEver(id))
        .isInstanceOf(TokenUnusable.class)
        .hasMessageContaining("CKR_TOKEN_WRITE_PROTECTED")
        .hasMessageContaining("nothing of the key " + id + " was destroyed");
    faults.clear();
    assertThat(ceremony.key(id).findings()).isEmpty();
  }

  @Test
  void aPrivateKeyThatIsGoneThoughTheModuleSaysOtherwiseIsSaidToBeGone() throws Exception {
    faults.failAfterwards(Pkcs11Function.C_DESTROY_OBJECT, ReturnCode.CKR_GENERAL_ERROR, 1);

    assertThatThrownBy(() -> ceremony.dangerDestroyForEver(id))
        .isInstanceOf(TokenUnusable.class)
        .hasMessageContaining("Gone for ever: 1 private key; left: 1 public key, 1 certificate;");
  }

  @Test
  void whenTheTokenCannotBeAskedAfterwardsNothingIsPretended() {
    faults.always(Pkcs11Function.C_DESTROY_OBJECT, ReturnCode.CKR_DEVICE_REMOVED);
    // It is looked at once before.
    faults.later(Pkcs11Function.C_OPEN_SESSION, 2, ReturnCode.CKR_DEVICE_REMOVED, 1_000);

    assertThatThrownBy(() -> ceremony.dangerDestroyForEver(id))
        .isInstanceOf(TokenAway.class)
        .hasMessageContaining("C_DESTROY_OBJECT: CKR_DEVICE_REMOVED")
        .hasMessageContaining("what there is of the key " + id + " cannot be seen now");
  }
}
