package dev.chancery.server;

import dev.chancery.core.Approval;
import dev.chancery.core.CertificateAuthority;
import dev.chancery.core.Der;
import dev.chancery.core.IssuanceRequest;
import dev.chancery.core.IssuedCertificate;
import dev.chancery.core.IssuerId;
import dev.chancery.core.Name;
import dev.chancery.core.ProfileId;
import dev.chancery.core.Refused;
import dev.chancery.core.RequestId;
import dev.chancery.core.SubjectPublicKey;
import dev.chancery.core.TimeOrderedIds;
import dev.chancery.core.TokenAway;
import java.io.IOException;
import java.io.StringReader;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.KeyStore;
import java.security.PrivateKey;
import java.security.cert.Certificate;
import java.security.cert.X509Certificate;
import java.security.spec.ECGenParameterSpec;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.bouncycastle.asn1.pkcs.PrivateKeyInfo;
import org.bouncycastle.asn1.x500.X500Name;
import org.bouncycastle.cert.X509CertificateHolder;
import org.bouncycastle.cert.jcajce.JcaX509CertificateConverter;
import org.bouncycastle.openssl.PEMParser;
import org.bouncycastle.openssl.jcajce.JcaPEMKeyConverter;
import org.bouncycastle.openssl.jcajce.JcaPEMWriter;
import org.bouncycastle.openssl.jcajce.JcaPKCS8Generator;

/**
 * A TLS key of this server or its administrator with the certificate chain over it, kept as one PEM
 * file. It is a key in software: it authenticates a connection and signs no certificate.
 */
record Credential(PrivateKey key, List<X509Certificate> chain) {
  Credential {
    chain = List.copyOf(chain);
  }

  /** Makes a P-256 key and has a certificate issued over it. */
  static Credential issue(
      CertificateAuthority authority,
      IssuerId issuer,
      ProfileId profile,
      X500Name subject,
      Set<Name> names,
      String purpose,
      TimeOrderedIds ids)
      throws Refused, TokenAway {
    try {
      KeyPairGenerator generator = KeyPairGenerator.getInstance("EC");
      generator.initialize(new ECGenParameterSpec("secp256r1"));
      KeyPair pair = generator.generateKeyPair();
      IssuedCertificate issued =
          authority.issue(
              new IssuanceRequest(
                  issuer,
                  profile,
                  SubjectPublicKey.of(pair.getPublic()),
                  subject,
                  names,
                  Optional.empty(),
                  Optional.empty(),
                  new Approval.Infrastructure(purpose, new RequestId(ids.next()))));
      List<X509Certificate> chain = new ArrayList<>();
      chain.add(certificate(issued.encoded()));
      for (Der above : authority.chains(issued.issuer()).getFirst()) {
        chain.add(certificate(above));
      }
      return new Credential(pair.getPrivate(), chain);
    } catch (GeneralSecurityException | IOException e) {
      throw new IllegalStateException("a TLS credential cannot be made", e);
    }
  }

  /** Reads a file that {@link #write} wrote; empty when it is not there. */
  static Optional<Credential> read(Path file) throws ConfigurationInvalid {
    if (!Files.exists(file)) {
      return Optional.empty();
    }
    try (PEMParser parser = new PEMParser(new StringReader(Files.readString(file)))) {
      PrivateKey key = null;
      List<X509Certificate> chain = new ArrayList<>();
      for (Object part = parser.readObject(); part != null; part = parser.readObject()) {
        switch (part) {
          case PrivateKeyInfo info -> key = new JcaPEMKeyConverter().getPrivateKey(info);
          case X509CertificateHolder holder ->
              chain.add(new JcaX509CertificateConverter().getCertificate(holder));
          default -> throw new IOException("unexpected PEM object");
        }
      }
      if (key == null || chain.isEmpty()) {
        throw new IOException("a key or a certificate is missing");
      }
      return Optional.of(new Credential(key, chain));
    } catch (IOException | GeneralSecurityException | RuntimeException e) {
      throw new ConfigurationInvalid(
          file + ": not a key and its certificates in PEM; remove it to have a new one made");
    }
  }

  void write(Path file) throws ConfigurationInvalid {
    StringWriter text = new StringWriter();
    try (JcaPEMWriter writer = new JcaPEMWriter(text)) {
      writer.writeObject(new JcaPKCS8Generator(key, null));
      for (X509Certificate certificate : chain) {
        writer.writeObject(certificate);
      }
    } catch (IOException e) {
      throw new IllegalStateException("a key cannot be written as PEM", e);
    }
    Home.writePrivate(file, text.toString());
  }

  /** An in-memory key store with this credential; its password is empty. */
  KeyStore keyStore() {
    try {
      KeyStore store = KeyStore.getInstance("PKCS12");
      store.load(null, null);
      store.setKeyEntry("tls", key, new char[0], chain.toArray(Certificate[]::new));
      return store;
    } catch (GeneralSecurityException | IOException e) {
      throw new IllegalStateException("a key store cannot be made in memory", e);
    }
  }

  X509Certificate certificate() {
    return chain.getFirst();
  }

  /** When two thirds of its life are over. */
  Instant renewAt() {
    Instant start = certificate().getNotBefore().toInstant();
    Instant end = certificate().getNotAfter().toInstant();
    return start.plusSeconds((end.getEpochSecond() - start.getEpochSecond()) * 2 / 3);
  }

  private static X509Certificate certificate(Der encoded)
      throws IOException, GeneralSecurityException {
    return new JcaX509CertificateConverter()
        .getCertificate(new X509CertificateHolder(encoded.bytes()));
  }
}
