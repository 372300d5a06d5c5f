package dev.chancery.core;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.chancery.core.Profile.Constraint;
import dev.chancery.core.Profile.KeyUsageBit;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import org.bouncycastle.asn1.ASN1ObjectIdentifier;
import org.bouncycastle.asn1.x509.KeyPurposeId;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

@DisplayName("A profile with less in it")
class RestrictionTest {
  private static final ASN1ObjectIdentifier SERVER = KeyPurposeId.id_kp_serverAuth.toOID();
  private static final ASN1ObjectIdentifier CLIENT = KeyPurposeId.id_kp_clientAuth.toOID();
  private static final ASN1ObjectIdentifier OCSP = KeyPurposeId.id_kp_OCSPSigning.toOID();
  private static final Profile BOTH =
      profile(
          Set.of(KeyUsageBit.DIGITAL_SIGNATURE, KeyUsageBit.KEY_AGREEMENT),
          List.of(SERVER, CLIENT),
          new Constraint.EndEntity());
  private static final Profile AUTHORITY =
      profile(
          Set.of(KeyUsageBit.KEY_CERT_SIGN, KeyUsageBit.CRL_SIGN),
          List.of(),
          new Constraint.Authority(OptionalInt.of(2)));

  private static Profile profile(
      Set<KeyUsageBit> usage, List<ASN1ObjectIdentifier> purposes, Constraint constraint) {
    return new Profile(
        new ProfileId("test"),
        "",
        Set.of(KeyAlgorithm.EC_P256),
        new Profile.Validity(
            Duration.ofDays(1), Duration.ofDays(1), Duration.ofDays(1), Duration.ZERO),
        Profile.SubjectRule.EMPTY,
        new Profile.NameRule(
            Set.of(),
            0,
            false,
            new NamePolicy(
                NamePolicy.Rules.none(),
                false,
                NamePolicy.Rules.none(),
                NamePolicy.Rules.none(),
                NamePolicy.Rules.none())),
        usage,
        purposes,
        List.of(),
        constraint,
        new Profile.StatusSources(false, false, false, false));
  }

  private static Restriction usages(KeyUsageBit... bits) {
    return new Restriction(Optional.of(Set.of(bits)), Optional.empty(), OptionalInt.empty());
  }

  private static Restriction purposes(ASN1ObjectIdentifier... purposes) {
    return new Restriction(Optional.empty(), Optional.of(List.of(purposes)), OptionalInt.empty());
  }

  private static Restriction pathLength(int length) {
    return new Restriction(Optional.empty(), Optional.empty(), OptionalInt.of(length));
  }

  @Test
  @DisplayName("has the usages asked for that it had, in its own order, and never others")
  void narrows() throws Refused {
    assertThat(BOTH.restrictedTo(Restriction.NONE)).isEqualTo(BOTH);
    assertThat(
            BOTH.restrictedTo(usages(KeyUsageBit.DIGITAL_SIGNATURE, KeyUsageBit.KEY_ENCIPHERMENT))
                .keyUsage())
        .containsExactly(KeyUsageBit.DIGITAL_SIGNATURE);
    assertThat(BOTH.restrictedTo(purposes(CLIENT)).extendedKeyUsage()).containsExactly(CLIENT);
    assertThat(BOTH.restrictedTo(purposes(CLIENT, SERVER)).extendedKeyUsage())
        .containsExactly(SERVER, CLIENT);
  }

  @Test
  @DisplayName("is refused where nothing would be left, or a purpose or a CA is not the profile's")
  void refuses() {
    for (Restriction restriction :
        List.of(
            usages(),
            usages(KeyUsageBit.KEY_ENCIPHERMENT),
            usages(KeyUsageBit.DIGITAL_SIGNATURE, KeyUsageBit.KEY_CERT_SIGN),
            purposes(),
            purposes(SERVER, OCSP))) {
      assertThatThrownBy(() -> BOTH.restrictedTo(restriction)).isInstanceOf(Refused.class);
    }
  }

  @Test
  @DisplayName("of a CA: stays a CA's, takes no purposes where it has none, and the shorter path")
  void authorities() throws Refused {
    assertThat(AUTHORITY.restrictedTo(usages(KeyUsageBit.DIGITAL_SIGNATURE)).keyUsage())
        .containsExactly(KeyUsageBit.KEY_CERT_SIGN);
    assertThat(AUTHORITY.restrictedTo(purposes(OCSP)).extendedKeyUsage()).isEmpty();
    assertThat(AUTHORITY.restrictedTo(pathLength(1)).constraint())
        .isEqualTo(new Constraint.Authority(OptionalInt.of(1)));
    assertThat(AUTHORITY.restrictedTo(pathLength(3)).constraint())
        .isEqualTo(AUTHORITY.constraint());
    assertThat(BOTH.restrictedTo(pathLength(0)).constraint()).isEqualTo(BOTH.constraint());
  }
}
