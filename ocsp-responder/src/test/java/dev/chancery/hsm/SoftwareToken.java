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
  private final AtomicInteger atATime = new AtomicInteger();
  private final AtomicInteger mostAtATime = new AtomicInteger();
  private final AtomicInteger madeBeside = new AtomicInteger();
  private volatile boolean away;
  private volatile Duration slowness = Duration.ZERO;

  /** From now on every use fails, or none does. */
  public void setAway(boolean away) {
    this.away = away;
  }

  /**
   * So many times a key cannot be made, since another node makes one with the same id and each
   * gives up its own; the last time the other's stays.
   */
  public void setMadeBeside(int times) {
    madeBeside.set(times);
  }

  /** From now on each signature takes this long at least. */
  public void setSlow(Duration slowness) {
    this.slowness = slowness;
  }

  /** How many signatures were in the making at a time, at most. */
  public int mostAtATime() {
    return mostAtATime.get();
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
      int beside = madeBeside.getAndUpdate(left -> Math.max(0, left - 1));
      if (beside != 1 && beside != 0) {
        throw new TokenUnusable("two keys with the id");
      }
      keys.put(id, generator.generateKeyPair());
      if (beside == 1) {
        throw new TokenUnusable("the id is taken");
      }
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
    TokenKey key =
        message -> {
          requireThere();
          mostAtATime.accumulateAndGet(atATime.incrementAndGet(), Math::max);
          try {
            Thread.sleep(slowness);
            Signature signature = Signature.getInstance(scheme.jcaName(), BouncyCastle.PROVIDER);
            signature.initSign(pair.getPrivate());
            signature.update(message);
            return signature.sign();
          } catch (GeneralSecurityException | InterruptedException e) {
            throw new IllegalStateException(e);
          } finally {
            atATime.decrementAndGet();
          }
        };
    return new VerifiedSigning(key, expected, scheme);
  }

  private void requireThere() throws TokenAway {
    if (away) {
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
