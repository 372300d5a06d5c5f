package dev.chancery.hsm;

import dev.chancery.core.KeyAlgorithm;
import dev.chancery.core.SigningScheme;
import dev.chancery.core.SubjectPublicKey;
import dev.chancery.core.TokenAway;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Looks at private keys: whether they are as strict as a CA's key should be (docs/token.md). */
final class KeyInspection {
  private static final int LONGEST_ID = 64;
  // Told, and neither right nor wrong.
  private static final Map<CryptokiAttribute, String> FREE =
      Map.of(
          CryptokiAttribute.CKA_DESTROYABLE, "destroyable",
          CryptokiAttribute.CKA_MODIFIABLE, "modifiable",
          CryptokiAttribute.CKA_COPYABLE, "copyable");

  private final String description;
  private final CryptokiSession session;
  private final Pkcs11Objects objects;

  KeyInspection(String description, CryptokiSession session) {
    this.description = description;
    this.session = session;
    this.objects = new Pkcs11Objects(description, session);
  }

  /** Every private key of the token. */
  List<InspectedKey> all() throws CryptokiError {
    return matching(new CryptokiTemplate());
  }

  /** Every private key with this id: there should be one. */
  List<InspectedKey> all(KeyId id) throws CryptokiError {
    return matching(new CryptokiTemplate().with(CryptokiAttribute.CKA_ID, id.octets()));
  }

  private List<InspectedKey> matching(CryptokiTemplate template) throws CryptokiError {
    List<InspectedKey> keys = new ArrayList<>();
    for (CryptokiObject key :
        session.find(
            template
                .with(CryptokiAttribute.CKA_CLASS, Pkcs11Objects.CKO_PRIVATE_KEY)
                .with(CryptokiAttribute.CKA_TOKEN, true))) {
      keys.add(of(key));
    }
    return keys;
  }

  /** One private key. */
  InspectedKey of(CryptokiObject key) throws CryptokiError {
    Optional<KeyId> id = id(key);
    String subject = "key " + id.map(KeyId::hex).orElse("without id");
    List<Finding> findings = new ArrayList<>();
    List<String> attributes = new ArrayList<>();
    for (KeyRule rule : KeyRule.values()) {
      AttributeAnswer<Boolean> answer = objects.flag(key, rule.attribute());
      rule.finding(subject, answer).ifPresent(findings::add);
      if (answer.value().orElse(false)) {
        attributes.add(rule.toString());
      }
    }
    for (Map.Entry<CryptokiAttribute, String> free : new EnumMap<>(FREE).entrySet()) {
      if (objects.flag(key, free.getKey()).value().orElse(false)) {
        attributes.add(free.getValue());
      }
    }
    Optional<SubjectPublicKey> publicKey = Optional.empty();
    if (id.isEmpty()) {
      findings.add(Finding.fail(subject, "it has no CKA_ID of 1 to 64 octets"));
    } else {
      publicKey = publicHalf(subject, id.get(), key, findings);
    }
    return new InspectedKey(
        id,
        label(key),
        publicKey.isPresent() ? publicKey.get().algorithm().toString() : kind(key),
        publicKey,
        attributes,
        findings);
  }

  private Optional<KeyId> id(CryptokiObject key) throws CryptokiError {
    return session
        .attribute(key, CryptokiAttribute.CKA_ID)
        .value()
        .filter(octets -> octets.length > 0 && octets.length <= LONGEST_ID)
        .map(octets -> new KeyId(HexFormat.of().formatHex(octets)));
  }

  private String label(CryptokiObject key) throws CryptokiError {
    return session
        .attribute(key, CryptokiAttribute.CKA_LABEL)
        .value()
        .map(octets -> Printable.of(new String(octets, StandardCharsets.UTF_8)))
        .orElse("");
  }

  private String kind(CryptokiObject key) throws CryptokiError {
    long type = objects.keyType(key);
    if (type == Pkcs11Objects.CKK_RSA) {
      return "rsa";
    }
    return type == Pkcs11Objects.CKK_EC ? "ec" : "type 0x" + Long.toHexString(type);
  }

  /** The public half, after everything that must be there once with this id was looked for. */
  private Optional<SubjectPublicKey> publicHalf(
      String subject, KeyId id, CryptokiObject key, List<Finding> findings) throws CryptokiError {
    int sameId = objects.objects(Pkcs11Objects.CKO_PRIVATE_KEY, id).size();
    if (sameId != 1) {
      findings.add(Finding.fail(subject, sameId + " private keys have this id"));
    }
    List<CryptokiObject> publicKeys = objects.objects(Pkcs11Objects.CKO_PUBLIC_KEY, id);
    if (publicKeys.size() != 1) {
      findings.add(Finding.fail(subject, publicKeys.size() + " public keys have this id, not 1"));
    }
    try {
      SubjectPublicKey half = objects.publicHalf(id, key);
      certificate(subject, id, half, findings);
      if (sameId == 1) {
        belongs(subject, key, half, findings);
      }
      return Optional.of(half);
    } catch (TokenUnusable e) {
      findings.add(Finding.fail(subject, String.valueOf(e.getMessage())));
      return Optional.empty();
    }
  }

  private void certificate(String subject, KeyId id, SubjectPublicKey half, List<Finding> findings)
      throws TokenUnusable, CryptokiError {
    List<CryptokiObject> certificates = objects.objects(Pkcs11Objects.CKO_CERTIFICATE, id);
    if (certificates.isEmpty()) {
      findings.add(
          Finding.fail(subject, "no certificate has this id: SunPKCS11 does not see the key"));
    }
    for (CryptokiObject certificate : certificates) {
      if (!objects.certifiedKey(id, certificate).equals(half)) {
        findings.add(Finding.fail(subject, "a certificate with this id is of another key"));
      }
    }
  }

  // An EC private key does not tell its public half: only a signature proves that they belong
  // together. What is signed is the probe of every start.
  private void belongs(
      String subject, CryptokiObject key, SubjectPublicKey half, List<Finding> findings) {
    KeyAlgorithm algorithm = half.algorithm();
    if (algorithm == KeyAlgorithm.EC_P521 || algorithm == KeyAlgorithm.ED25519) {
      findings.add(Finding.warn(subject, algorithm + " keys cannot be CA keys here"));
      return;
    }
    SigningScheme scheme = SigningScheme.of(algorithm, false);
    try {
      VerifiedSigning.proven(
          new DirectKey(description, session, key, scheme), half, scheme, subject);
    } catch (TokenUnusable e) {
      findings.add(Finding.fail(subject, "it does not belong to its public key"));
    } catch (TokenAway e) {
      findings.add(Finding.fail(subject, "it does not sign: " + e.getMessage()));
    }
  }
}
