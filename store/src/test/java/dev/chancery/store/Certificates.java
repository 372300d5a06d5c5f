package dev.chancery.store;

import dev.chancery.core.AccountId;
import dev.chancery.core.Approval;
import dev.chancery.core.BouncyCastle;
import dev.chancery.core.CrlLedger;
import dev.chancery.core.CrlScope;
import dev.chancery.core.Der;
import dev.chancery.core.IssuerId;
import dev.chancery.core.Octets;
import dev.chancery.core.PreparedCertificate;
import dev.chancery.core.PreparedCrl;
import dev.chancery.core.ProfileId;
import dev.chancery.core.Refused;
import dev.chancery.core.RequestId;
import dev.chancery.core.SerialNumber;
import dev.chancery.core.SignatureValue;
import dev.chancery.core.SigningScheme;
import dev.chancery.core.SubjectPublicKey;
import dev.chancery.core.ToBeSigned;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.math.BigInteger;
import java.security.GeneralSecurityException;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.SecureRandom;
import java.security.Signature;
import java.security.spec.ECGenParameterSpec;
import java.time.Duration;
import java.time.Instant;
import java.util.Date;
import java.util.Optional;
import java.util.UUID;
import org.bouncycastle.asn1.x500.X500Name;
import org.bouncycastle.asn1.x509.Extension;
import org.bouncycastle.asn1.x509.Extensions;
import org.bouncycastle.asn1.x509.GeneralName;
import org.bouncycastle.asn1.x509.GeneralNames;
import org.bouncycastle.asn1.x509.SubjectPublicKeyInfo;
import org.bouncycastle.asn1.x509.Time;
import org.bouncycastle.asn1.x509.V2TBSCertListGenerator;
import org.bouncycastle.asn1.x509.V3TBSCertificateGenerator;

/** Certificates and CRLs of one test issuer, made ready to be recorded, and their signatures. */
final class Certificates {
  static final IssuerId ISSUER = new IssuerId("test-issuer");
  static final CrlScope SCOPE = CrlScope.unsharded(ISSUER);
  static final ProfileId PROFILE = new ProfileId("tls-server");
  private static final X500Name NAME = new X500Name("CN=Test issuer");
  private static final SecureRandom RANDOM = new SecureRandom();
  private static final KeyPair KEYS = newKeys();

  private Certificates() {}

  private static KeyPair newKeys() {
    try {
      KeyPairGenerator generator = KeyPairGenerator.getInstance("EC", BouncyCastle.PROVIDER);
      generator.initialize(new ECGenParameterSpec("P-256"));
      return generator.generateKeyPair();
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException(e);
    }
  }

  static SubjectPublicKey newKey() {
    return publicKey(newKeys());
  }

  static SubjectPublicKey issuerKey() {
    return publicKey(KEYS);
  }

  private static SubjectPublicKey publicKey(KeyPair keys) {
    try {
      return SubjectPublicKey.of(keys.getPublic());
    } catch (Refused e) {
      throw new IllegalStateException(e);
    }
  }

  static Approval anOrder() {
    return new Approval.ValidatedOrder(
        new AccountId(UUID.randomUUID()), new RequestId(UUID.randomUUID()));
  }

  static PreparedCertificate prepared(Instant now) {
    return prepared(now, anOrder());
  }

  static PreparedCertificate prepared(Instant now, int crlShard) {
    return prepared(now, anOrder(), "www.example", crlShard);
  }

  static PreparedCertificate prepared(Instant now, Approval approval) {
    return prepared(now, approval, "www.example");
  }

  static PreparedCertificate prepared(Instant now, Approval approval, String name) {
    return prepared(now, approval, name, CrlScope.UNSHARDED);
  }

  private static PreparedCertificate prepared(
      Instant now, Approval approval, String name, int crlShard) {
    SerialNumber serial = SerialNumber.next(now, RANDOM);
    Instant notAfter = now.plus(Duration.ofDays(90));
    V3TBSCertificateGenerator generator = new V3TBSCertificateGenerator();
    generator.setSerialNumber(new org.bouncycastle.asn1.ASN1Integer(serial.value()));
    generator.setIssuer(NAME);
    generator.setSubject(NAME);
    generator.setStartDate(new Time(Date.from(now)));
    generator.setEndDate(new Time(Date.from(notAfter)));
    generator.setSignature(SigningScheme.ECDSA_SHA256.identifier());
    generator.setSubjectPublicKeyInfo(
        SubjectPublicKeyInfo.getInstance(KEYS.getPublic().getEncoded()));
    try {
      generator.setExtensions(
          new Extensions(
              Extension.create(
                  Extension.subjectAlternativeName,
                  false,
                  new GeneralNames(new GeneralName(GeneralName.dNSName, name)))));
      return new PreparedCertificate(
          ISSUER,
          serial,
          PROFILE,
          now,
          notAfter,
          publicKey(KEYS),
          approval,
          crlShard,
          new ToBeSigned(
              Der.of(generator.generateTBSCertificate().getEncoded("DER")),
              SigningScheme.ECDSA_SHA256));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  static PreparedCrl preparedCrl(CrlScope scope, BigInteger number, Instant now) {
    return preparedCrl(scope, number, Optional.empty(), now);
  }

  static PreparedCrl preparedCrl(
      CrlScope scope, BigInteger number, Optional<BigInteger> base, Instant now) {
    V2TBSCertListGenerator generator = new V2TBSCertListGenerator();
    generator.setIssuer(NAME);
    generator.setThisUpdate(new Time(Date.from(now)));
    generator.setNextUpdate(new Time(Date.from(now.plus(Duration.ofDays(7)))));
    generator.setSignature(SigningScheme.ECDSA_SHA256.identifier());
    try {
      return new PreparedCrl(
          scope,
          number,
          base,
          now,
          now.plus(Duration.ofDays(7)),
          SigningScheme.ECDSA_SHA256,
          Octets.of(generator.generateTBSCertList().getEncoded("DER")));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  static CrlLedger.Signed sign(CrlLedger.Recorded recorded) {
    return new CrlLedger.Signed(
        recorded, sign(octets(recorded.prepared().toBeSigned()), recorded.prepared().scheme()));
  }

  static byte[] octets(Octets octets) {
    try (InputStream in = octets.open()) {
      return in.readAllBytes();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  static SignatureValue sign(ToBeSigned toBeSigned) {
    return sign(toBeSigned.bytes().bytes(), toBeSigned.scheme());
  }

  private static SignatureValue sign(byte[] message, SigningScheme scheme) {
    try {
      Signature signature = Signature.getInstance(scheme.jcaName(), BouncyCastle.PROVIDER);
      signature.initSign(KEYS.getPrivate());
      signature.update(message);
      return SignatureValue.of(signature.sign());
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException(e);
    }
  }
}
