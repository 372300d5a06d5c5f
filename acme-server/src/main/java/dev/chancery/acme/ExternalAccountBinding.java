package dev.chancery.acme;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.List;
import org.jose4j.jwa.AlgorithmConstraints;
import org.jose4j.jwa.AlgorithmConstraints.ConstraintType;
import org.jose4j.jws.AlgorithmIdentifiers;
import org.jose4j.jws.JsonWebSignature;
import org.jose4j.keys.HmacKey;
import org.jose4j.lang.JoseException;

/**
 * The JWS by which someone who has a binding key agrees that an ACME account is made (RFC 8555
 * section 7.3.4). What is wrong with its form is malformed; what it fails to prove is unauthorized.
 */
final class ExternalAccountBinding {
  private static final List<String> ALGORITHMS =
      List.of(
          AlgorithmIdentifiers.HMAC_SHA256,
          AlgorithmIdentifiers.HMAC_SHA384,
          AlgorithmIdentifiers.HMAC_SHA512);
  private static final AlgorithmConstraints PERMITTED =
      new AlgorithmConstraints(ConstraintType.PERMIT, ALGORITHMS.toArray(String[]::new));

  private static final List<String> MEMBERS = List.of("protected", "payload", "signature");
  // Section 7.3.4: no nonce. Who made the MAC is said by kid alone.
  private static final List<String> FORBIDDEN_PARAMETERS = List.of("nonce", "jwk", "crit", "b64");
  // A JWK of RSA with 4096 bits takes a thousand characters.
  private static final int LONGEST_MEMBER = 8000;

  private final JwsFrame frame;
  private final String kid;
  private final String url;
  private final JsonWebSignature mac;

  private ExternalAccountBinding(JwsFrame frame, String kid, String url, JsonWebSignature mac) {
    this.frame = frame;
    this.kid = kid;
    this.url = url;
    this.mac = mac;
  }

  /**
   * Reads the member of a newAccount request; that it was read says nothing about its MAC.
   *
   * @throws AcmeProblem malformed
   */
  static ExternalAccountBinding parse(ObjectNode member) throws AcmeProblem {
    for (String name : MEMBERS) {
      JsonNode node = member.get(name);
      if (node != null && node.isTextual() && node.textValue().length() > LONGEST_MEMBER) {
        throw malformed("has a member " + name + " of more than " + LONGEST_MEMBER + " characters");
      }
    }
    JwsFrame frame = JwsFrame.parse(member, "externalAccountBinding", FORBIDDEN_PARAMETERS);
    if (!ALGORITHMS.contains(frame.parameter("alg"))) {
      throw malformed("must have one of the MAC algorithms " + String.join(", ", ALGORITHMS));
    }
    return new ExternalAccountBinding(
        frame, frame.parameter("kid"), frame.parameter("url"), mac(frame));
  }

  private static JsonWebSignature mac(JwsFrame frame) throws AcmeProblem {
    JsonWebSignature mac = new JsonWebSignature();
    mac.setAlgorithmConstraints(PERMITTED);
    try {
      mac.setCompactSerialization(frame.compact());
      return mac;
    } catch (JoseException e) {
      throw malformed("is not a JWS");
    }
  }

  private static AcmeProblem malformed(String what) {
    return AcmeProblem.malformed("externalAccountBinding " + what);
  }

  /** The member as the account object shows it: what was checked of it, and nothing else. */
  String json() {
    return Json.text(
        Json.object()
            .put("protected", frame.encodedHeader())
            .put("payload", frame.payload())
            .put("signature", frame.signature()));
  }

  /** A binding that is right, by the key that it names. */
  record Verified(BindingKeyId key, String json) {}

  /**
   * Checks that whoever has the binding key meant this account key at this endpoint's newAccount.
   *
   * @param key the key of the outer JWS
   * @throws AcmeProblem unauthorized when it is not so, malformed when the payload is no JWK
   */
  Verified verify(BindingKeys keys, AcmeUrls urls, AccountKey key) throws AcmeProblem {
    BindingKeyId id = BindingKeyId.parse(kid).orElseThrow(ExternalAccountBinding::unknown);
    byte[] secret = keys.macKey(urls.endpoint(), id).orElseThrow(ExternalAccountBinding::unknown);
    if (!isMadeWith(secret)) {
      throw unauthorized("the MAC of externalAccountBinding is wrong");
    }
    if (!url.equals(urls.newAccount())) {
      throw unauthorized("the url of externalAccountBinding is not that of the request");
    }
    byte[] payload = mac.getUnverifiedPayloadBytes();
    if (!AccountKey.parse(Json.read(payload, "the payload of externalAccountBinding"))
        .equals(key)) {
      throw unauthorized("externalAccountBinding is about another account key");
    }
    return new Verified(id, json());
  }

  private boolean isMadeWith(byte[] secret) {
    mac.setKey(new HmacKey(secret));
    try {
      return mac.verifySignature();
    } catch (JoseException e) {
      throw new IllegalStateException("a MAC of a permitted alg cannot be verified", e);
    }
  }

  private static AcmeProblem unknown() {
    return unauthorized("there is no binding key with the kid of externalAccountBinding here");
  }

  private static AcmeProblem unauthorized(String detail) {
    return new AcmeProblem(AcmeError.UNAUTHORIZED, detail);
  }
}
