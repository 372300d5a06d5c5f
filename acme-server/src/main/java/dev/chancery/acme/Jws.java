package dev.chancery.acme;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.chancery.core.BouncyCastle;
import java.security.Security;
import java.util.List;
import java.util.Optional;
import org.jose4j.jca.ProviderContext;
import org.jose4j.jwa.AlgorithmConstraints;
import org.jose4j.jwa.AlgorithmConstraints.ConstraintType;
import org.jose4j.jws.AlgorithmIdentifiers;
import org.jose4j.jws.JsonWebSignature;
import org.jose4j.lang.InvalidAlgorithmException;
import org.jose4j.lang.InvalidKeyException;
import org.jose4j.lang.JoseException;

/**
 * A JWS as RFC 8555 section 6.2 narrows it. The frame is read strictly; alg, key and signature are
 * jose4j's to judge. That a JWS was parsed says nothing about its signature.
 */
final class Jws {
  /** How the signer is named: by the key itself or by an account's URL. */
  sealed interface Signer {
    record Key(ObjectNode jwk) implements Signer {
      /**
       * Reads the key, which can cost far more than all that was read before.
       *
       * @throws AcmeProblem badPublicKey or malformed
       */
      AccountKey key() throws AcmeProblem {
        return AccountKey.parse(jwk);
      }
    }

    record Account(String url) implements Signer {}
  }

  /**
   * The signature algorithms that account keys may use (RFC 8555 section 6.2, RFC 7518 section 3.1,
   * RFC 8037): no MACs, no "none".
   */
  static final List<String> ALGORITHMS =
      List.of(
          AlgorithmIdentifiers.ECDSA_USING_P256_CURVE_AND_SHA256,
          AlgorithmIdentifiers.ECDSA_USING_P384_CURVE_AND_SHA384,
          AlgorithmIdentifiers.ECDSA_USING_P521_CURVE_AND_SHA512,
          AlgorithmIdentifiers.EDDSA,
          AlgorithmIdentifiers.RSA_USING_SHA256);

  private static final List<String> FORBIDDEN_PARAMETERS = List.of("crit", "b64");

  private static final AlgorithmConstraints PERMITTED =
      new AlgorithmConstraints(ConstraintType.PERMIT, ALGORITHMS.toArray(String[]::new));
  private static final ProviderContext BOUNCY_CASTLE = new ProviderContext();

  static {
    // jose4j finds a provider by its name among the registered ones. Without a name it would verify
    // with the JDK's elliptic curves, which take several times as long. Last in the list, so that
    // whoever names no provider gets the JDK's as before.
    Security.addProvider(BouncyCastle.PROVIDER);
    BOUNCY_CASTLE
        .getSuppliedKeyProviderContext()
        .setSignatureProvider(BouncyCastle.PROVIDER.getName());
  }

  private final JsonWebSignature signature;
  private final Signer signer;
  private final String url;
  private final Optional<String> nonce;

  private Jws(JsonWebSignature signature, Signer signer, String url, Optional<String> nonce) {
    this.signature = signature;
    this.signer = signer;
    this.url = url;
    this.nonce = nonce;
  }

  /**
   * Reads the body of a request.
   *
   * @throws AcmeProblem malformed or badSignatureAlgorithm
   */
  static Jws parse(byte[] body) throws AcmeProblem {
    return parse(Json.read(body, "the JWS"));
  }

  static Jws parse(ObjectNode jws) throws AcmeProblem {
    JwsFrame frame = JwsFrame.parse(jws, "the JWS", FORBIDDEN_PARAMETERS);
    String _ = frame.parameter("alg");
    return new Jws(
        signature(frame),
        signer(frame),
        frame.parameter("url"),
        frame.header().has("nonce") ? Optional.of(frame.parameter("nonce")) : Optional.empty());
  }

  private static JsonWebSignature signature(JwsFrame frame) throws AcmeProblem {
    JsonWebSignature signature = new JsonWebSignature();
    signature.setAlgorithmConstraints(PERMITTED);
    signature.setProviderContext(BOUNCY_CASTLE);
    try {
      signature.setCompactSerialization(frame.compact());
      signature.getAlgorithm();
      return signature;
    } catch (InvalidAlgorithmException e) {
      throw new AcmeProblem(
          AcmeError.BAD_SIGNATURE_ALGORITHM, "the alg is not one of those listed");
    } catch (JoseException e) {
      throw AcmeProblem.malformed("the JWS is malformed");
    }
  }

  private static Signer signer(JwsFrame frame) throws AcmeProblem {
    ObjectNode header = frame.header();
    if (header.has("jwk") == header.has("kid")) {
      throw AcmeProblem.malformed("the protected header must have exactly one of jwk and kid");
    }
    if (header.has("kid")) {
      return new Signer.Account(frame.parameter("kid"));
    }
    if (header.get("jwk") instanceof ObjectNode jwk) {
      return new Signer.Key(jwk);
    }
    throw AcmeProblem.malformed("the jwk is not an object");
  }

  /**
   * Checks the signature.
   *
   * @throws AcmeProblem badSignatureAlgorithm when key and alg do not fit each other, malformed
   *     when the signature is wrong
   */
  void requireSignedBy(AccountKey key) throws AcmeProblem {
    signature.setKey(key.verificationKey());
    try {
      // Asked first: jose4j looks at an ECDSA signature's length before it looks at the key's kind.
      if (!signature.getKeyType().equals(key.keyType())) {
        throw misfit(key);
      }
      if (!signature.verifySignature()) {
        throw AcmeProblem.malformed("the JWS's signature is wrong");
      }
    } catch (InvalidKeyException e) {
      throw misfit(key);
    } catch (JoseException e) {
      throw new IllegalStateException("a JWS of a permitted alg cannot be verified", e);
    }
  }

  /** Whether the signature is right and of this key. */
  boolean isSignedBy(AccountKey key) {
    try {
      requireSignedBy(key);
      return true;
    } catch (AcmeProblem e) {
      return false;
    }
  }

  private AcmeProblem misfit(AccountKey key) {
    return new AcmeProblem(
        AcmeError.BAD_SIGNATURE_ALGORITHM,
        "the alg "
            + signature.getAlgorithmHeaderValue()
            + " does not fit the "
            + key.algorithm()
            + " key");
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
    return signature.getUnverifiedPayloadBytes();
  }
}
