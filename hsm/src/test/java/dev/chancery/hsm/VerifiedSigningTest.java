package dev.chancery.hsm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.chancery.core.BouncyCastle;
import dev.chancery.core.SigningScheme;
import dev.chancery.core.SubjectPublicKey;
import dev.chancery.core.TokenAway;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.Signature;
import java.security.spec.ECGenParameterSpec;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

/** Every signature is verified before it leaves, however the token came to give it. */
final class VerifiedSigningTest {
  private static final byte[] MESSAGE = "to be signed".getBytes(StandardCharsets.US_ASCII);

  private KeyPair pair;
  private SubjectPublicKey publicKey;

  @BeforeEach
  void makeKey() throws Exception {
    KeyPairGenerator generator = KeyPairGenerator.getInstance("EC", BouncyCastle.PROVIDER);
    generator.initialize(new ECGenParameterSpec("secp256r1"));
    pair = generator.generateKeyPair();
    publicKey = SubjectPublicKey.of(pair.getPublic());
  }

  private byte[] signature(byte[] message) {
    try {
      Signature signature = Signature.getInstance("SHA256withECDSA", BouncyCastle.PROVIDER);
      signature.initSign(pair.getPrivate());
      signature.update(message);
      return signature.sign();
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException(e);
    }
  }

  private VerifiedSigning with(TokenKey key) {
    return new VerifiedSigning(key, publicKey, SigningScheme.ECDSA_SHA256);
  }

  @Test
  void aRightSignatureIsReleased() throws Exception {
    byte[] right = signature(MESSAGE);

    assertThat(with(message -> right).sign(MESSAGE).octets()).isEqualTo(right);
  }

  @Test
  @DisplayName("the token failed")
  void aFailureIsPassedOn() {
    TokenAway failure = new TokenAway("CKR_DEVICE_ERROR");

    assertThatThrownBy(() ->
            with(
                    message -> {
                      throw failure;
                    })
                .sign(MESSAGE))
        .isSameAs(failure);
  }

  @Test
  @DisplayName("the token answered, with what is no signature of this message by this key")
  void aWrongSignatureIsNeverReleased() throws Exception {
    byte[] right = signature(MESSAGE);
    byte[] ofAnotherMessage = signature("something else".getBytes(StandardCharsets.US_ASCII));
    byte[] flipped = right.clone();
    flipped[flipped.length - 1] ^= 1;

    for (byte[] wrong : new byte[][] {ofAnotherMessage, flipped, new byte[0], new byte[1000]}) {
      assertThatThrownBy(() -> with(message -> wrong).sign(MESSAGE))
          .isInstanceOf(TokenAway.class)
          .hasMessageContaining("does not verify");
    }
  }

  @Test
  void aSignatureOfAnotherKeyIsNeverReleased() throws Exception {
    byte[] ofAnotherKey = signature(MESSAGE);
    makeKey();

    assertThatThrownBy(() -> with(message -> ofAnotherKey).sign(MESSAGE))
        .isInstanceOf(TokenAway.class)
        .hasMessageContaining("does not verify");
  }

  @Test
  void aKeyThatDoesNotSignAsItsPublicHalfSaysIsNotProven() {
    assertThatThrownBy(() ->
            VerifiedSigning.proven(
                message -> new byte[] {1}, publicKey, SigningScheme.ECDSA_SHA256, "6361"))
        .isInstanceOf(TokenUnusable.class)
        .hasMessageContaining("6361");
  }
}
