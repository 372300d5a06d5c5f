package dev.chancery.server.engine;

import dev.chancery.core.IssuanceRequest;
import dev.chancery.core.Profile;
import dev.chancery.core.ToBeSigned;
import java.util.ArrayList;
import java.util.List;

/**
 * Reads the bytes that are about to be recorded once more, as a relying party would, and names
 * every rule that they break. It trusts nothing that the writer believed: a finding is a mistake of
 * this server or a subject made to cause one, and in both cases nothing may be signed.
 */
final class Lint {
  private Lint() {}

  /** The rules that a to-be-signed certificate breaks; empty when it is fit to be signed. */
  static List<String> findings(
      ToBeSigned toBeSigned, Issuer issuer, Profile profile, IssuanceRequest request) {
    ParsedTbs tbs;
    try {
      tbs = ParsedTbs.of(toBeSigned.bytes());
    } catch (IllegalArgumentException e) {
      return List.of("the bytes are not a TBSCertificate in DER");
    }
    List<String> findings = new ArrayList<>();
    try {
      findings.addAll(Rfc5280Lint.findings(tbs, issuer, toBeSigned.scheme()));
      findings.addAll(ProfileLint.findings(tbs, issuer, profile, request));
    } catch (RuntimeException e) {
      // Bouncy Castle reports a malformed extension by unchecked exceptions.
      findings.add("an extension is malformed");
    }
    return List.copyOf(findings);
  }
}
