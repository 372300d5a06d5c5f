package dev.chancery.hsm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.chancery.core.TokenAway;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What is a finding, whatever the token. */
final class CeremonyRulesTest {
  @ParameterizedTest
  @EnumSource
  void whatAModuleDoesNotTellIsSaid(KeyRule rule) {
    assertThat(rule.finding("key 01", new AttributeAnswer.Unknown<>()).orElseThrow().detail())
        .isEqualTo(rule.attribute() + " is unknown to this module");
    assertThat(rule.finding("key 01", new AttributeAnswer.Withheld<>()).orElseThrow().detail())
        .isEqualTo(rule.attribute() + " is not shown by this module");
  }

  @Test
  void thatAKeyCannotLeaveMustBeTold() {
    assertThat(KeyRule.NEVER_EXTRACTABLE.finding("key 01", new AttributeAnswer.Unknown<>()))
        .map(Finding::level)
        .contains(Finding.Level.FAIL);
    assertThat(KeyRule.DERIVE.finding("key 01", new AttributeAnswer.Unknown<>()))
        .map(Finding::level)
        .contains(Finding.Level.WARN);
  }

  @ParameterizedTest
  @CsvSource({
    "1234, FAIL",
    "4321, FAIL",
    "11111111, FAIL",
    "1234567890, FAIL",
    "changeit, FAIL",
    "7, FAIL",
    "7261, WARN",
    "1234567x, PASS",
    "5f2a90cc1b, PASS",
  })
  void pinsThatEverybodyTriesFirstAreKnown(String pin, Finding.Level level) {
    Finding finding = PinStrength.of(pin.toCharArray());

    assertThat(finding.level()).isEqualTo(level);
  }

  @ParameterizedTest
  @ValueSource(ints = {0x07, 0x0A, 0x1B, 0x7F, 0x9B, 0xAD, 0x200B, 0x2028, 0x2029, 0x202E, 0xFEFF})
  void whatATokenGivesDeceivesNoTerminal(int codePoint) {
    assertThat(Printable.of("a" + Character.toString(codePoint) + "\u00e9")).isEqualTo("a?\u00e9");
  }

  @Test
  void mechanismsOutOfTheirKeySizesAreNoCapability() {
    List<KeyCapability> capabilities =
        KeyCapability.of(
            List.of(
                new TokenMechanism("CKM_ECDSA_SHA256", 256, 256, false, true, true, true),
                new TokenMechanism("CKM_ECDSA", 256, 384, false, true, true, true),
                new TokenMechanism("CKM_EC_KEY_PAIR_GEN", 256, 256, true, false, true, true)));

    assertThat(capabilities)
        .filteredOn(it -> it.generates() || it.signs())
        .extracting(
            it -> it.algorithm() + " " + it.generates() + " " + it.signs() + " " + it.hashInToken())
        .containsExactly("ec-p256 true true true", "ec-p384 false true false");
  }

  @Test
  void aModuleThatHangsIsGivenUpAndNotCalledAgain() throws Exception {
    CountDownLatch never = new CountDownLatch(1);
    LimitedCalls calls = new LimitedCalls(Duration.ofMillis(50));

    assertThatThrownBy(() ->
            calls.call(
                "the token",
                () -> {
                  never.await();
                  return never;
                }))
        .isInstanceOf(TokenAway.class)
        .hasMessageContaining("the token did not answer within");
    assertThat(calls.hanging()).isTrue();
    never.countDown();
  }
}
