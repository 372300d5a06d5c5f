package dev.chancery.acme;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.List;

/**
 * A JWS in flattened JSON serialization (RFC 7515 section 7.2.2), read strictly: each member in its
 * one canonical spelling, nothing beside the protected header. It says nothing about who signed it.
 *
 * @param name what the JWS is called in refusals
 * @param encodedHeader the header as it was signed, in base64url as payload and signature
 */
record JwsFrame(
    String name, String encodedHeader, String payload, String signature, ObjectNode header) {
  // Members that would change what the signature covers or means.
  private static final List<String> FORBIDDEN_MEMBERS = List.of("header", "signatures");

  /**
   * Reads it.
   *
   * @param forbidden header parameters that it may not have
   * @throws AcmeProblem malformed
   */
  static JwsFrame parse(ObjectNode jws, String name, List<String> forbidden) throws AcmeProblem {
    for (String member : FORBIDDEN_MEMBERS) {
      if (jws.has(member)) {
        throw AcmeProblem.malformed(name + " may not have the member " + member);
      }
    }
    String encodedHeader = text(jws, "protected", name);
    ObjectNode header =
        Json.read(
            Base64Url.decode(encodedHeader, "protected of " + name),
            "the protected header of " + name);
    for (String parameter : forbidden) {
      if (header.has(parameter)) {
        throw AcmeProblem.malformed(name + " may not have the header parameter " + parameter);
      }
    }
    return new JwsFrame(
        name,
        encodedHeader,
        canonical(jws, "payload", name),
        canonical(jws, "signature", name),
        header);
  }

  private static String canonical(ObjectNode jws, String member, String name) throws AcmeProblem {
    return Base64Url.canonical(text(jws, member, name), member + " of " + name);
  }

  private static String text(ObjectNode object, String member, String what) throws AcmeProblem {
    JsonNode node = object.get(member);
    if (node == null || !node.isTextual()) {
      throw AcmeProblem.malformed(what + " has no text member " + member);
    }
    return node.textValue();
  }

  /**
   * A header parameter that must be there.
   *
   * @throws AcmeProblem malformed, when it is missing or not text
   */
  String parameter(String parameter) throws AcmeProblem {
    return text(header, parameter, "the protected header of " + name);
  }

  /** The compact serialization (RFC 7515 section 7.1). */
  String compact() {
    return encodedHeader + "." + payload + "." + signature;
  }
}
