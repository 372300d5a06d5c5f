package dev.chancery.hsm;

import dev.chancery.core.SubjectPublicKey;
import java.util.List;
import java.util.Optional;

/**
 * A private key of a token, as it was found.
 *
 * @param id empty when it has no CKA_ID that could be written in a configuration
 * @param algorithm in words; also of keys that cannot be used here
 * @param publicKey empty when the token does not tell exactly one
 * @param attributes the attributes that are set, in words
 * @param findings in what it is not as strict as it should be; no PASS among them
 */
public record InspectedKey(
    Optional<KeyId> id,
    String label,
    String algorithm,
    Optional<SubjectPublicKey> publicKey,
    List<String> attributes,
    List<Finding> findings) {
  public InspectedKey {
    attributes = List.copyOf(attributes);
    findings = List.copyOf(findings);
  }

  /** Whether nothing is wrong; what a module does not tell may be left open. */
  public boolean strict() {
    return findings.stream().noneMatch(finding -> finding.level() == Finding.Level.FAIL);
  }
}
