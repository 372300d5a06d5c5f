package dev.chancery.acme;

import static java.nio.charset.StandardCharsets.US_ASCII;

import dev.chancery.core.SharedSecret;
import java.nio.ByteBuffer;
import java.security.GeneralSecurityException;
import java.security.SecureRandom;
import java.util.Arrays;
import java.util.Optional;
import javax.crypto.AEADBadTagException;
import javax.crypto.Cipher;
import javax.crypto.SecretKey;
import javax.crypto.spec.GCMParameterSpec;
import javax.crypto.spec.SecretKeySpec;

/**
 * Keeps the MAC keys of bindings from whoever reads the database alone: a backup, a replica, an
 * administrator of PostgreSQL. See docs/decisions/2026-11-25-binding-keys-encrypted.md.
 */
public final class BindingCipher {
  /** How long the secret is that everything here is derived from. */
  public static final int SECRET_OCTETS = SharedSecret.OCTETS;

  private static final int NONCE_OCTETS = 12;
  private static final int TAG_BITS = 128;
  private static final int FINGERPRINT_OCTETS = 16;

  private final SecretKey key;
  private final byte[] fingerprint;

  /** From a secret of {@value #SECRET_OCTETS} random octets, the same on every node. */
  public BindingCipher(byte[] secret) {
    SharedSecret shared = new SharedSecret(secret);
    this.key = new SecretKeySpec(shared.derived("binding key encryption", 32), "AES");
    this.fingerprint = shared.derived("binding key fingerprint", FINGERPRINT_OCTETS);
  }

  /** Tells secrets apart without giving anything of them away. */
  byte[] fingerprint() {
    return fingerprint.clone();
  }

  byte[] encrypt(BindingKeyId id, byte[] macKey, SecureRandom random) {
    byte[] nonce = new byte[NONCE_OCTETS];
    random.nextBytes(nonce);
    try {
      byte[] sealed = run(Cipher.ENCRYPT_MODE, id, nonce, macKey);
      return ByteBuffer.allocate(nonce.length + sealed.length).put(nonce).put(sealed).array();
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException("every JDK has AES-GCM", e);
    }
  }

  /** The MAC key, or nothing when this cipher did not encrypt it for this id. */
  Optional<byte[]> decrypt(BindingKeyId id, byte[] stored) {
    try {
      return Optional.of(
          run(
              Cipher.DECRYPT_MODE,
              id,
              Arrays.copyOf(stored, NONCE_OCTETS),
              Arrays.copyOfRange(stored, NONCE_OCTETS, stored.length)));
    } catch (AEADBadTagException e) {
      return Optional.empty();
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException("every JDK has AES-GCM", e);
    }
  }

  /** Bound to the id: who can write the database cannot give one key's policy another's secret. */
  private byte[] run(int mode, BindingKeyId id, byte[] nonce, byte[] input)
      throws GeneralSecurityException {
    Cipher cipher = Cipher.getInstance("AES/GCM/NoPadding");
    cipher.init(mode, key, new GCMParameterSpec(TAG_BITS, nonce));
    cipher.updateAAD(id.toString().getBytes(US_ASCII));
    return cipher.doFinal(input);
  }
}
