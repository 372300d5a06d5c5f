package dev.chancery.e2e;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.MessageDigest;
import java.security.Signature;
import java.security.interfaces.ECPublicKey;
import java.security.spec.ECGenParameterSpec;
import java.util.Base64;

/** A P-256 account key, and what it signs (RFC 8555 section 6.2). */
record AcmeKey(KeyPair pair) {
  static final ObjectMapper JSON = new ObjectMapper();
  private static final Base64.Encoder BASE64URL = Base64.getUrlEncoder().withoutPadding();

  static AcmeKey generate() throws GeneralSecurityException {
    return new AcmeKey(pairOfKeys());
  }

  static KeyPair pairOfKeys() throws GeneralSecurityException {
    KeyPairGenerator generator = KeyPairGenerator.getInstance("EC");
    generator.initialize(new ECGenParameterSpec("secp256r1"));
    return generator.generateKeyPair();
  }

  static String base64Url(byte[] bytes) {
    return BASE64URL.encodeToString(bytes);
  }

  static String base64Url(String text) {
    return base64Url(text.getBytes(StandardCharsets.UTF_8));
  }

  /** A JWS in flattened JSON serialization; the header gets the alg when it has none. */
  ObjectNode jws(ObjectNode header, String payload)
      throws GeneralSecurityException, JsonProcessingException {
    ObjectNode complete = JSON.createObjectNode().put("alg", "ES256").setAll(header);
    String first = base64Url(JSON.writeValueAsBytes(complete));
    String second = base64Url(payload);
    Signature signature = Signature.getInstance("SHA256withECDSAinP1363Format");
    signature.initSign(pair.getPrivate());
    signature.update((first + "." + second).getBytes(StandardCharsets.US_ASCII));
    return JSON.createObjectNode()
        .put("protected", first)
        .put("payload", second)
        .put("signature", base64Url(signature.sign()));
  }

  /** The key authorization's second half (RFC 8555 section 8.1). */
  String thumbprint() throws GeneralSecurityException, JsonProcessingException {
    return base64Url(MessageDigest.getInstance("SHA-256").digest(JSON.writeValueAsBytes(jwk())));
  }

  /** In the order that RFC 7638 section 3 wants of a thumbprint's input. */
  ObjectNode jwk() {
    ECPublicKey publicKey = (ECPublicKey) pair.getPublic();
    return JSON.createObjectNode()
        .put("crv", "P-256")
        .put("kty", "EC")
        .put("x", coordinate(publicKey.getW().getAffineX()))
        .put("y", coordinate(publicKey.getW().getAffineY()));
  }

  private static String coordinate(BigInteger value) {
    byte[] octets = new byte[32];
    byte[] twos = value.toByteArray();
    int length = Math.min(twos.length, 32);
    System.arraycopy(twos, twos.length - length, octets, 32 - length, length);
    return base64Url(octets);
  }
}
