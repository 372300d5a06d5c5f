package dev.chancery.server.profiles;

import dev.chancery.core.Cidr;
import dev.chancery.core.KeyAlgorithm;
import dev.chancery.core.Name;
import dev.chancery.core.Profile;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;
import org.bouncycastle.asn1.ASN1ObjectIdentifier;
import org.bouncycastle.asn1.x509.KeyPurposeId;

/** The single words of a profile file; each throws IllegalArgumentException for any other. */
final class ProfileWords {
  private static final Map<String, ASN1ObjectIdentifier> PURPOSES =
      Map.of(
          "serverAuth", KeyPurposeId.id_kp_serverAuth.toOID(),
          "clientAuth", KeyPurposeId.id_kp_clientAuth.toOID(),
          "codeSigning", KeyPurposeId.id_kp_codeSigning.toOID(),
          "emailProtection", KeyPurposeId.id_kp_emailProtection.toOID(),
          "timeStamping", KeyPurposeId.id_kp_timeStamping.toOID());

  private ProfileWords() {}

  static KeyAlgorithm keyAlgorithm(String text) {
    return KeyAlgorithm.named(text)
        .orElseThrow(() -> notOneOf(text, Arrays.asList(KeyAlgorithm.values())));
  }

  static Profile.KeyUsageBit keyUsage(String text) {
    return Profile.KeyUsageBit.named(text)
        .orElseThrow(() -> notOneOf(text, Arrays.asList(Profile.KeyUsageBit.values())));
  }

  static Profile.SubjectRule subject(String text) {
    for (Profile.SubjectRule rule : Profile.SubjectRule.values()) {
      if (word(rule).equals(text)) {
        return rule;
      }
    }
    throw notOneOf(
        text, Arrays.stream(Profile.SubjectRule.values()).map(ProfileWords::word).toList());
  }

  static Name.Kind nameKind(String text) {
    for (Name.Kind kind : Name.Kind.values()) {
      if (kind.toString().equals(text)) {
        return kind;
      }
    }
    throw notOneOf(text, Arrays.asList(Name.Kind.values()));
  }

  /** A well-known purpose by its RFC 5280 name, any other by its dotted number. */
  static ASN1ObjectIdentifier purpose(String text) {
    ASN1ObjectIdentifier known = PURPOSES.get(text);
    ASN1ObjectIdentifier purpose =
        known != null ? known : oid(text, PURPOSES.keySet().stream().sorted().toList());
    if (purpose.equals(KeyPurposeId.anyExtendedKeyUsage.toOID())
        || purpose.equals(KeyPurposeId.id_kp_OCSPSigning.toOID())) {
      // The first would allow everything, the second would let requesters answer for this CA.
      throw new IllegalArgumentException(text + " is not for profiles");
    }
    return purpose;
  }

  static ASN1ObjectIdentifier policy(String text) {
    return oid(text, List.of());
  }

  static Cidr cidr(String text) {
    try {
      return Cidr.parse(text);
    } catch (IllegalArgumentException e) {
      throw new IllegalArgumentException(
          "not a block of addresses such as 10.0.0.0/8 or fd00::/8: " + text, e);
    }
  }

  static boolean truth(String text) {
    return switch (text) {
      case "true" -> true;
      case "false" -> false;
      default -> throw notOneOf(text, List.of("true", "false"));
    };
  }

  /** A number from 0 to 1000. */
  static int count(String text) {
    if (!text.matches("[0-9]{1,4}") || Integer.parseInt(text) > 1000) {
      throw new IllegalArgumentException("not a number from 0 to 1000: " + text);
    }
    return Integer.parseInt(text);
  }

  private static ASN1ObjectIdentifier oid(String text, List<String> words) {
    ASN1ObjectIdentifier oid = ASN1ObjectIdentifier.tryFromID(text);
    if (oid == null) {
      throw new IllegalArgumentException(
          "not an object identifier such as 1.3.6.1.4.1"
              + (words.isEmpty() ? "" : ", nor one of " + String.join(", ", words))
              + ": "
              + text);
    }
    return oid;
  }

  private static String word(Profile.SubjectRule rule) {
    return rule.name().toLowerCase(Locale.ROOT).replace('_', '-');
  }

  private static IllegalArgumentException notOneOf(String text, List<?> words) {
    return new IllegalArgumentException(
        "not one of "
            + words.stream().map(String::valueOf).collect(Collectors.joining(", "))
            + ": "
            + text);
  }
}
