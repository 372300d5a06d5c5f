package dev.chancery.server.profiles;

import dev.chancery.core.Cidr;
import dev.chancery.core.KeyAlgorithm;
import dev.chancery.core.Name;
import dev.chancery.core.NamePolicy;
import dev.chancery.core.Profile;
import dev.chancery.core.Profile.KeyUsageBit;
import dev.chancery.core.ProfileId;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.Set;
import java.util.function.Function;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.bouncycastle.asn1.x509.KeyPurposeId;

/**
 * The profiles of certificates that this server makes for itself. They are code, because the server
 * depends on what they say; their names are taken, and no requester can ask for them.
 */
public final class BuiltInProfiles {
  public static final ProfileId ROOT_CA = new ProfileId("root-ca");
  public static final ProfileId OCSP_SIGNER = new ProfileId("ocsp-signer");
  public static final ProfileId ADMIN_CLIENT = new ProfileId("admin-client");
  public static final ProfileId API_SERVER = new ProfileId("api-server");

  private static final Profile.Validity OCSP_SIGNER_VALIDITY =
      new Profile.Validity(days(7), Duration.ofHours(2), days(30), Duration.ofHours(1));

  /** From the issue of an OCSP signer's certificate to its end. */
  public static final Duration LIFE_OF_OCSP_SIGNER =
      OCSP_SIGNER_VALIDITY.standard().minus(OCSP_SIGNER_VALIDITY.backdate());

  /** For certificates that hold no names. */
  public static final Profile.NameRule NO_NAMES =
      new Profile.NameRule(
          Set.of(),
          0,
          false,
          new NamePolicy(
              NamePolicy.Rules.none(),
              false,
              NamePolicy.Rules.none(),
              NamePolicy.Rules.none(),
              NamePolicy.Rules.none()));

  /** For certificates that do not say where their status is found. */
  public static final Profile.StatusSources NO_POINTERS =
      new Profile.StatusSources(false, false, false, false);

  /** The kinds of keys that a token's CA key can have. */
  public static final Set<KeyAlgorithm> CA_KEYS =
      Set.of(
          KeyAlgorithm.EC_P256,
          KeyAlgorithm.EC_P384,
          KeyAlgorithm.RSA_2048,
          KeyAlgorithm.RSA_3072,
          KeyAlgorithm.RSA_4096);

  /** The root of a home that {@code chancery init} makes. */
  public static final Profile ROOT = rootCa();

  /** All of them. */
  public static final Map<ProfileId, Profile> ALL =
      Stream.of(ROOT, ocspSigner(), adminClient(), apiServer())
          .collect(Collectors.toUnmodifiableMap(Profile::id, Function.identity()));

  private BuiltInProfiles() {}

  /** A self-signed trust anchor; nothing above it could revoke it, so it points nowhere. */
  private static Profile rootCa() {
    return new Profile(
        ROOT_CA,
        "a root of this CA",
        CA_KEYS,
        new Profile.Validity(days(20 * 365), days(1), days(40 * 366), Duration.ofMinutes(5)),
        Profile.SubjectRule.REQUESTED,
        NO_NAMES,
        Set.of(KeyUsageBit.KEY_CERT_SIGN, KeyUsageBit.CRL_SIGN),
        List.of(),
        List.of(),
        new Profile.Constraint.Authority(OptionalInt.empty()),
        NO_POINTERS);
  }

  /**
   * A delegated OCSP signer (RFC 6960 section 4.2.2.2). Backdated further than others: its clients
   * check it against the time of an answer that can be older than it.
   */
  private static Profile ocspSigner() {
    return new Profile(
        OCSP_SIGNER,
        "a delegated OCSP signer",
        CA_KEYS,
        OCSP_SIGNER_VALIDITY,
        Profile.SubjectRule.REQUESTED,
        NO_NAMES,
        Set.of(KeyUsageBit.DIGITAL_SIGNATURE),
        List.of(KeyPurposeId.id_kp_OCSPSigning.toOID()),
        List.of(),
        new Profile.Constraint.EndEntity(),
        NO_POINTERS);
  }

  /** An administrator's credential; the admin listener asks the ledger itself for its status. */
  private static Profile adminClient() {
    return new Profile(
        ADMIN_CLIENT,
        "an administrator of this CA",
        Set.of(KeyAlgorithm.values()),
        new Profile.Validity(days(90), Duration.ofHours(1), days(825), Duration.ofMinutes(5)),
        Profile.SubjectRule.REQUESTED,
        NO_NAMES,
        Set.of(KeyUsageBit.DIGITAL_SIGNATURE),
        List.of(KeyPurposeId.id_kp_clientAuth.toOID()),
        List.of(),
        new Profile.Constraint.EndEntity(),
        NO_POINTERS);
  }

  /** The TLS certificate of this server's own listeners, under whatever host names it has. */
  private static Profile apiServer() {
    NamePolicy.Rules<Cidr> everyAddress =
        new NamePolicy.Rules<>(List.of(Cidr.parse("0.0.0.0/0"), Cidr.parse("::/0")), List.of());
    NamePolicy policy =
        new NamePolicy(
            new NamePolicy.Rules<>(List.of(new NamePolicy.DnsRule("*")), List.of()),
            false,
            everyAddress,
            NamePolicy.Rules.none(),
            NamePolicy.Rules.none());
    return new Profile(
        API_SERVER,
        "this server's own TLS",
        CA_KEYS,
        new Profile.Validity(days(30), Duration.ofHours(1), days(398), Duration.ofMinutes(5)),
        // A common name would have to lie in the issuer's name constraints as well.
        Profile.SubjectRule.EMPTY,
        new Profile.NameRule(Set.of(Name.Kind.DNS, Name.Kind.IP), 100, true, policy),
        Set.of(KeyUsageBit.DIGITAL_SIGNATURE),
        List.of(KeyPurposeId.id_kp_serverAuth.toOID()),
        List.of(),
        new Profile.Constraint.EndEntity(),
        new Profile.StatusSources(true, true, true, false));
  }

  private static Duration days(int count) {
    return Duration.ofDays(count);
  }
}
