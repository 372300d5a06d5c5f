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
import java.security.PrivateKey;
import java.security.SecureRandom;
import java.security.Signature;
import java.security.spec.AlgorithmParameterSpec;
import java.security.spec.ECGenParameterSpec;
import java.security.spec.RSAKeyGenParameterSpec;
import java.util.Optional;
import java.util.concurrent.ExecutionException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Keys in an encrypted PKCS #12 file (RFC 7292), for machines without a PKCS #11 module. For
 * development only: the keys are in the memory of this process, and in every copy of the file.
 */
public final class Pkcs12Token extends Token {
  private static final Logger LOG = LoggerFactory.getLogger(Pkcs12Token.class);

  private final Pkcs12Settings settings;
  private final Pkcs12File file;
  private final SecureRandom random;
  private final TokenThreads threads;

  private Pkcs12Token(Pkcs12Settings settings, Pkcs12File file, SecureRandom random) {
    this.settings = settings;
    this.file = file;
    this.random = random;
    this.threads = new TokenThreads(settings.description(), settings.signingThreads(), what -> {});
  }

  /**
   * Opens the file, if it is there yet.
   *
   * @throws TokenUnusable when it cannot be read or decrypted with the password
   */
  public static Pkcs12Token open(Pkcs12Settings settings, SecureRandom random)
      throws TokenUnusable {
    LOG.warn(
        "{}: development only, the keys are not in a token and anyone with a copy of the file and"
            + " its password can sign",
        settings.description());
    Pkcs12File file = new Pkcs12File(settings.file(), settings.passwordFile());
    file.check();
    return new Pkcs12Token(settings, file, random);
  }

  @Override
  public String description() {
    return settings.description();
  }

  @Override
  public SubjectPublicKey generate(KeyId id, KeyAlgorithm algorithm) throws TokenUnusable {
    KeyPair pair =
        switch (algorithm) {
          case EC_P256 -> pair("EC", new ECGenParameterSpec("secp256r1"));
          case EC_P384 -> pair("EC", new ECGenParameterSpec("secp384r1"));
          case RSA_2048 -> pair("RSA", new RSAKeyGenParameterSpec(2048, RSAKeyGenParameterSpec.F4));
          case RSA_3072 -> pair("RSA", new RSAKeyGenParameterSpec(3072, RSAKeyGenParameterSpec.F4));
          case RSA_4096 -> pair("RSA", new RSAKeyGenParameterSpec(4096, RSAKeyGenParameterSpec.F4));
          case EC_P521, ED25519 ->
              throw new TokenUnusable(algorithm + " keys cannot be CA keys here");
        };
    try {
      SubjectPublicKey publicKey = SubjectPublicKey.of(pair.getPublic());
      file.add(id, pair.getPrivate(), UnsignedCertificate.of(id, publicKey));
      return publicKey;
    } catch (Refused e) {
      throw new IllegalStateException("a key that was just made cannot be decoded", e);
    }
  }

  private KeyPair pair(String algorithm, AlgorithmParameterSpec parameters) {
    try {
      KeyPairGenerator generator = KeyPairGenerator.getInstance(algorithm, BouncyCastle.PROVIDER);
      generator.initialize(parameters, random);
      return generator.generateKeyPair();
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException("Bouncy Castle makes no " + algorithm + " keys", e);
    }
  }

  @Override
  public Optional<SubjectPublicKey> find(KeyId id) throws TokenUnusable {
    return file.entry(id).map(Pkcs12File.Entry::publicKey);
  }

  @Override
  VerifiedSigning signing(
      Operation operation, KeyId id, SubjectPublicKey expected, SigningScheme scheme)
      throws TokenUnusable, TokenAway {
    Pkcs12File.Entry entry =
        file.entry(id)
            .orElseThrow(() -> new TokenUnusable(description() + " has no private key " + id));
    if (!entry.publicKey().equals(expected)) {
      throw new TokenUnusable(
          "the key " + id + " of " + description() + " is not the key of the certificate");
    }
    return VerifiedSigning.proven(
        message ->
            sign(new TokenThreads.Line(id.hex(), operation), entry.privateKey(), scheme, message),
        expected,
        scheme,
        id + " of " + description());
  }

  private byte[] sign(TokenThreads.Line line, PrivateKey key, SigningScheme scheme, byte[] message)
      throws TokenAway {
    try {
      return threads.call(
          line,
          settings.signingTimeLimit(),
          thread -> {
            Signature signature = Signature.getInstance(scheme.jcaName(), BouncyCastle.PROVIDER);
            signature.initSign(key, random);
            signature.update(message);
            return signature.sign();
          });
    } catch (ExecutionException e) {
      throw new TokenAway(description() + " failed", e);
    }
  }

  @Override
  public TokenHealth health() {
    return new TokenHealth(TokenHealth.State.UP, 1, threads.waiting(), 0, Optional.empty());
  }

  @Override
  public Optional<Long> sessions() {
    return Optional.empty();
  }

  @Override
  public void close() {
    threads.close();
  }
}
