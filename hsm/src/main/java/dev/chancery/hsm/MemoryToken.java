package dev.chancery.hsm;

import dev.chancery.core.BouncyCastle;
import dev.chancery.core.KeyAlgorithm;
import dev.chancery.core.Refused;
import dev.chancery.core.SigningScheme;
import dev.chancery.core.SubjectPublicKey;
import dev.chancery.core.TokenAway;
import java.security.GeneralSecurityException;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.SecureRandom;
import java.security.Signature;
import java.security.spec.ECGenParameterSpec;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Keys of OCSP signers in the memory of this process, and nowhere else: made anew by each start,
 * and gone with it. Who steals one can tell lies about statuses until its certificate ends, and can
 * do nothing else: it signs no certificate and no CRL.
 */
public final class MemoryToken extends Token {
  private final SecureRandom random;
  private final Map<KeyId, KeyPair> keys = new ConcurrentHashMap<>();

  public MemoryToken(SecureRandom random) {
    this.random = random;
  }

  @Override
  public String description() {
    return "the memory of this process";
  }

  @Override
  public SubjectPublicKey generate(KeyId id, KeyAlgorithm algorithm) throws TokenUnusable {
    if (algorithm != KeyAlgorithm.EC_P256) {
      throw new TokenUnusable(description() + " has P-256 keys alone");
    }
    try {
      KeyPairGenerator generator = KeyPairGenerator.getInstance("EC", BouncyCastle.PROVIDER);
      generator.initialize(new ECGenParameterSpec("secp256r1"), random);
      if (keys.putIfAbsent(id, generator.generateKeyPair()) != null) {
        throw new TokenUnusable(description() + " has a key " + id + " already");
      }
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException("Bouncy Castle makes no EC keys", e);
    }
    return find(id).orElseThrow();
  }

  @Override
  public Optional<SubjectPublicKey> find(KeyId id) {
    return Optional.ofNullable(keys.get(id)).map(MemoryToken::publicKey);
  }

  private static SubjectPublicKey publicKey(KeyPair pair) {
    try {
      return SubjectPublicKey.of(pair.getPublic());
    } catch (Refused e) {
      throw new IllegalStateException("a key that was just made cannot be decoded", e);
    }
  }

  @Override
  VerifiedSigning signing(
      Operation operation, KeyId id, SubjectPublicKey expected, SigningScheme scheme)
      throws TokenUnusable, TokenAway {
    if (operation != Operation.OCSP) {
      throw new TokenUnusable(description() + " has keys of OCSP signers alone");
    }
    KeyPair pair = keys.get(id);
    if (pair == null || !publicKey(pair).equals(expected)) {
      throw new TokenUnusable(description() + " has no such key " + id);
    }
    return VerifiedSigning.proven(
        message -> sign(pair, scheme, message), expected, scheme, id + " of " + description());
  }

  private byte[] sign(KeyPair pair, SigningScheme scheme, byte[] message) throws TokenAway {
    try {
      Signature signature = Signature.getInstance(scheme.jcaName(), BouncyCastle.PROVIDER);
      signature.initSign(pair.getPrivate(), random);
      signature.update(message);
      return signature.sign();
    } catch (GeneralSecurityException e) {
      throw new TokenAway(description() + " failed", e);
    }
  }

  @Override
  public TokenHealth health() {
    return new TokenHealth(TokenHealth.State.UP, 1, 0, 0, Optional.empty());
  }

  @Override
  public Optional<Long> sessions() {
    return Optional.empty();
  }

  @Override
  public void close() {
    keys.clear();
  }
}
