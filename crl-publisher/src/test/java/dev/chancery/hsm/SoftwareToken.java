package dev.chancery.hsm;

import dev.chancery.core.BouncyCastle;
import dev.chancery.core.KeyAlgorithm;
import dev.chancery.core.Refused;
import dev.chancery.core.SigningScheme;
import dev.chancery.core.SubjectPublicKey;
import dev.chancery.core.TokenAway;
import java.io.IOException;
import java.security.GeneralSecurityException;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.Signature;
import java.security.spec.ECGenParameterSpec;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;

/** A token in memory that a test can take away. */
public final class SoftwareToken extends Token {
  private final Map<KeyId, KeyPair> keys = new ConcurrentHashMap<>();
  private final AtomicInteger refused = new AtomicInteger();
  private volatile boolean away;
  private volatile Duration slowness = Duration.ZERO;

  /** From now on every use fails, or none does. */
  public void setAway(boolean away) {
    this.away = away;
  }

  /** From now on each signature takes this long at least. */
  public void setSlow(Duration slowness) {
    this.slowness = slowness;
  }

  /** How often someone found this away. */
  public int refused() {
    return refused.get();
  }

  /** Has this pair as if it had been made here, as it was by another process. */
  public void put(KeyId id, KeyPair pair) {
    keys.put(id, pair);
  }

  /** The pair itself, to sign the certificates that a test needs. */
  public KeyPair keyPair(KeyId id) {
    return keys.get(id);
  }

  @Override
  public String description() {
    return "a test's token";
  }

  @Override
  public SubjectPublicKey generate(KeyId id, KeyAlgorithm algorithm)
      throws TokenUnusable, TokenAway {
    requireThere();
    if (keys.containsKey(id)) {
      throw new TokenUnusable("the id is taken");
    }
    try {
      boolean rsa = algorithm == KeyAlgorithm.RSA_2048;
      KeyPairGenerator generator =
          KeyPairGenerator.getInstance(rsa ? "RSA" : "EC", BouncyCastle.PROVIDER);
      if (rsa) {
        generator.initialize(2048);
      } else {
        generator.initialize(new ECGenParameterSpec("P-256"));
      }
      keys.put(id, generator.generateKeyPair());
      return find(id).orElseThrow();
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException(e);
    }
  }

  @Override
  public Optional<SubjectPublicKey> find(KeyId id) throws TokenUnusable, TokenAway {
    requireThere();
    KeyPair pair = keys.get(id);
    try {
      return pair == null ? Optional.empty() : Optional.of(SubjectPublicKey.of(pair.getPublic()));
    } catch (Refused e) {
      throw new TokenUnusable("not a usable key", e);
    }
  }

  @Override
  VerifiedSigning signing(
      Operation operation, KeyId id, SubjectPublicKey expected, SigningScheme scheme)
      throws TokenAway {
    requireThere();
    KeyPair pair = keys.get(id);
    return new VerifiedSigning(new SoftwareKey(pair, scheme), expected, scheme);
  }

  private final class SoftwareKey implements TokenKey {
    private final KeyPair pair;
    private final SigningScheme scheme;

    private SoftwareKey(KeyPair pair, SigningScheme scheme) {
      this.pair = pair;
      this.scheme = scheme;
    }

    private Signature signature(String algorithm) throws TokenAway, GeneralSecurityException {
      requireThere();
      try {
        Thread.sleep(slowness);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new TokenAway("interrupted");
      }
      Signature signature = Signature.getInstance(algorithm, BouncyCastle.PROVIDER);
      signature.initSign(pair.getPrivate());
      return signature;
    }

    @Override
    public byte[] sign(byte[] message) throws TokenAway {
      try {
        Signature signature = signature(scheme.jcaName());
        signature.update(message);
        return signature.sign();
      } catch (GeneralSecurityException e) {
        throw new IllegalStateException(e);
      }
    }

    /** As a PKCS #11 token does: with ECDSA it is given the digest and nothing else. */
    @Override
    public byte[] sign(HashedMessage message) throws TokenAway, IOException {
      try {
        Signature signature;
        if (scheme == SigningScheme.ECDSA_SHA256 || scheme == SigningScheme.ECDSA_SHA384) {
          signature = signature("NONEwithECDSA");
          signature.update(message.digest().value());
        } else {
          signature = signature(scheme.jcaName());
          message.feed(signature);
        }
        return signature.sign();
      } catch (GeneralSecurityException e) {
        throw new IllegalStateException(e);
      }
    }
  }

  private void requireThere() throws TokenAway {
    if (away) {
      refused.incrementAndGet();
      throw new TokenAway("taken away by the test");
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
    away = true;
  }
}
