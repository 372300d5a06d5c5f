package dev.chancery.acme;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Optional;

/**
 * A JWS in flattened JSON serialization (RFC 7515 section 7.2.2) as RFC 8555 section 6.2 narrows
 * it. That it was parsed says nothing about its signature.
 */
final class Jws {
  /** How the signer is named: by the key itself or by an account's URL. */
  sealed interface Signer {
    record Key(AccountKey key) implements Signer {}

    record Account(String url) implements Signer {}
  }

  // Members that would change what the signature covers or means.
  private static final List<String> FORBIDDEN_MEMBERS = List.of("header", "signatures");
  private static final List<String> FORBIDDEN_PARAMETERS = List.of("crit", "b64");

  private final JwsAlgorithm algorithm;
  private final Signer signer;
  private final String url;
  private final Optional<String> nonce;
  private final byte[] payload;
  private final byte[] signed;
  private final byte[] signature;

  private Jws(
      JwsAlgorithm algorithm,
      Signer signer,
      String url,
      Optional<String> nonce,
      byte[] payload,
      byte[] signed,
      byte[] signature) {
    this.algorithm = algorithm;
    this.signer = signer;
    this.url = url;
    this.nonce = nonce;
    this.payload = payload;
    this.signed = signed;
    this.signature = signature;
  }

  /**
   * Reads the body of a request.
   *
   * @throws AcmeProblem malformed, badSignatureAlgorithm or badPublicKey
   */
  static Jws parse(byte[] body) throws AcmeProblem {
    return parse(Json.read(body, "the JWS"));
  }

  static Jws parse(ObjectNode jws) throws AcmeProblem {
    for (String member : FORBIDDEN_MEMBERS) {
      if (jws.has(member)) {
        throw AcmeProblem.malformed("a JWS may not have the member " + member + " here");
      }
    }
    String protectedText = text(jws, "protected", "the JWS");
    String payloadText = text(jws, "payload", "the JWS");
    ObjectNode header =
        Json.read(Base64Url.decode(protectedText, "protected"), "the protected header");
    for (String parameter : FORBIDDEN_PARAMETERS) {
      if (header.has(parameter)) {
        throw AcmeProblem.malformed("the header parameter " + parameter + " is not supported");
      }
    }
    String algorithmName = text(header, "alg", "the protected header");
    JwsAlgorithm algorithm =
        JwsAlgorithm.named(algorithmName)
            .orElseThrow(() ->
                new AcmeProblem(
                    AcmeError.BAD_SIGNATURE_ALGORITHM, "the alg is not one of those listed"));
    return new Jws(
        algorithm,
        signer(header),
        text(header, "url", "the protected header"),
        header.has("nonce")
            ? Optional.of(text(header, "nonce", "the protected header"))
            : Optional.empty(),
        Base64Url.decode(payloadText, "payload"),
        (protectedText + "." + payloadText).getBytes(StandardCharsets.US_ASCII),
        Base64Url.decode(text(jws, "signature", "the JWS"), "signature"));
  }

  private static Signer signer(ObjectNode header) throws AcmeProblem {
    if (header.has("jwk") == header.has("kid")) {
      throw AcmeProblem.malformed("the protected header must have exactly one of jwk and kid");
    }
    if (header.has("kid")) {
      return new Signer.Account(text(header, "kid", "the protected header"));
    }
    if (header.get("jwk") instanceof ObjectNode jwk) {
      return new Signer.Key(AccountKey.parse(jwk));
    }
    throw AcmeProblem.malformed("the jwk is not an object");
  }

  private static String text(ObjectNode object, String member, String what) throws AcmeProblem {
    JsonNode node = object.get(member);
    if (node == null || !node.isTextual()) {
      throw AcmeProblem.malformed(what + " has no text member " + member);
    }
    return node.textValue();
  }

  /**
   * Checks the signature.
   *
   * @throws AcmeProblem badSignatureAlgorithm when key and alg do not fit each other, malformed
   *     when the signature is wrong
   */
  void requireSignedBy(AccountKey key) throws AcmeProblem {
    if (!algorithm.fits(key.algorithm())) {
      throw new AcmeProblem(
          AcmeError.BAD_SIGNATURE_ALGORITHM,
          "the alg " + algorithm.header() + " does not fit the " + key.algorithm() + " key");
    }
    if (!key.verifies(algorithm, signed, signature)) {
      throw AcmeProblem.malformed("the JWS's signature is wrong");
    }
  }

  Signer signer() {
    return signer;
  }

  String url() {
    return url;
  }

  Optional<String> nonce() {
    return nonce;
  }

  /** Empty for POST-as-GET (RFC 8555 section 6.3). */
  byte[] payload() {
    return payload.clone();
  }
}
