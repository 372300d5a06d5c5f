package dev.chancery.acme;

import dev.chancery.core.Approval;
import dev.chancery.core.BouncyCastle;
import dev.chancery.core.CertificateAuthority;
import dev.chancery.core.CertificateRecord;
import dev.chancery.core.Der;
import dev.chancery.core.DnsName;
import dev.chancery.core.IpName;
import dev.chancery.core.IssuanceRequest;
import dev.chancery.core.IssuedCertificate;
import dev.chancery.core.IssuerId;
import dev.chancery.core.Name;
import dev.chancery.core.ProfileId;
import dev.chancery.core.Reason;
import dev.chancery.core.Refused;
import dev.chancery.core.RequestId;
import dev.chancery.core.Revocation;
import dev.chancery.core.SerialNumber;
import dev.chancery.core.SubjectPublicKey;
import dev.chancery.core.TokenAway;
import java.math.BigInteger;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.PublicKey;
import java.security.SecureRandom;
import java.security.spec.ECGenParameterSpec;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Date;
import java.util.Deque;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import org.bouncycastle.asn1.x500.X500Name;
import org.bouncycastle.asn1.x509.AuthorityKeyIdentifier;
import org.bouncycastle.asn1.x509.Extension;
import org.bouncycastle.asn1.x509.GeneralName;
import org.bouncycastle.asn1.x509.GeneralNames;
import org.bouncycastle.asn1.x509.SubjectPublicKeyInfo;
import org.bouncycastle.cert.X509v3CertificateBuilder;
import org.bouncycastle.operator.jcajce.JcaContentSignerBuilder;
import org.jspecify.annotations.Nullable;

/** A certificate authority that really signs, keeps its ledger in memory and fails on demand. */
final class TestAuthority implements CertificateAuthority {
  static final IssuerId ISSUER = new IssuerId("issuer");
  static final ProfileId PROFILE = new ProfileId("tls-server");
  static final ProfileId SHORT_LIVED = new ProfileId("short-lived");
  static final Map<ProfileId, String> PROFILES =
      Map.of(PROFILE, "for most servers", SHORT_LIVED, "for six days");
  static final Duration LONGEST = Duration.ofDays(398);
  static final byte[] KEY_IDENTIFIER = {(byte) 0xfb, 1, 2, 3, 4, 5, 6, 7};
  private static final X500Name ISSUER_NAME = new X500Name("CN=Test issuer");

  /** What the next call of issue meets. */
  enum Fault {
    /** The token does not answer; nothing was recorded. */
    TOKEN_AWAY,
    /** The process breaks before anything was recorded. */
    BROKEN_BEFORE,
    /** The certificate was recorded, and then the process broke. */
    BROKEN_AFTER_RECORD,
    /** The certificate was issued, and its answer was lost. */
    BROKEN_AFTER_ISSUE,
    /** The profile says no. */
    REFUSED,
  }

  private final SecureRandom random = new SecureRandom();
  private final KeyPair keys = generate();
  private final Map<SerialNumber, CertificateRecord> ledger = new LinkedHashMap<>();
  private final Set<Der> blocked = new HashSet<>();
  private final Set<Der> compromised = new HashSet<>();
  private final Deque<Fault> faults = new ArrayDeque<>();
  private Runnable beforeIssue = () -> {};
  private volatile Optional<RuntimeException> broken = Optional.empty();
  private final Clock clock;

  TestAuthority(Clock clock) {
    this.clock = clock;
  }

  synchronized void failNext(Fault fault) {
    faults.add(fault);
  }

  /** Runs at the beginning of every issue, outside of its lock. */
  synchronized void beforeIssue(Runnable action) {
    beforeIssue = action;
  }

  /** Makes every question about names break, until it is mended with null. */
  void breakPolicy(@Nullable RuntimeException exception) {
    broken = Optional.ofNullable(exception);
  }

  synchronized List<CertificateRecord> records() {
    return List.copyOf(ledger.values());
  }

  synchronized List<CertificateRecord> inState(CertificateRecord.State state) {
    return ledger.values().stream().filter(record -> record.state() == state).toList();
  }

  @Override
  public IssuedCertificate issue(IssuanceRequest request) throws Refused, TokenAway {
    Runnable before;
    synchronized (this) {
      before = beforeIssue;
    }
    before.run();
    return issueNow(request);
  }

  private synchronized IssuedCertificate issueNow(IssuanceRequest request)
      throws Refused, TokenAway {
    Optional<Fault> fault = Optional.ofNullable(faults.poll());
    fail(fault, Fault.BROKEN_BEFORE);
    if (fault.equals(Optional.of(Fault.TOKEN_AWAY))) {
      throw new TokenAway("pulled out by the test");
    }
    if (fault.equals(Optional.of(Fault.REFUSED))) {
      throw new Refused(Reason.BAD_PUBLIC_KEY, "the profile does not take this key");
    }
    requirePermitted(
        request.issuer(),
        request.profile(),
        request.names(),
        request.notBefore(),
        request.notAfter());
    Instant now = clock.instant().truncatedTo(ChronoUnit.SECONDS);
    Instant notBefore = request.notBefore().orElse(now);
    Instant notAfter =
        request
            .notAfter()
            .orElse(now.plus(request.profile().equals(SHORT_LIVED) ? 6 : 90, ChronoUnit.DAYS));
    SerialNumber serial = SerialNumber.next(now, random);
    Approval.ValidatedOrder approval = (Approval.ValidatedOrder) request.approval();
    CertificateRecord recorded =
        new CertificateRecord(
            request.issuer(),
            serial,
            request.profile(),
            approval.request(),
            Optional.of(approval.account()),
            now,
            notBefore,
            notAfter,
            CertificateRecord.State.RECORDED,
            0,
            Optional.empty(),
            Optional.empty());
    ledger.put(serial, recorded);
    fail(fault, Fault.BROKEN_AFTER_RECORD);
    Der certificate = sign(request, serial, notBefore, notAfter);
    ledger.put(
        serial,
        with(recorded, CertificateRecord.State.ISSUED, Optional.of(certificate), Optional.empty()));
    fail(fault, Fault.BROKEN_AFTER_ISSUE);
    return new IssuedCertificate(request.issuer(), serial, notBefore, notAfter, certificate);
  }

  private static void fail(Optional<Fault> fault, Fault here) {
    if (fault.equals(Optional.of(here))) {
      throw new IllegalStateException("broken by the test: " + here);
    }
  }

  private Der sign(
      IssuanceRequest request, SerialNumber serial, Instant notBefore, Instant notAfter) {
    try {
      X509v3CertificateBuilder builder =
          new X509v3CertificateBuilder(
              ISSUER_NAME,
              serial.value(),
              Date.from(notBefore),
              Date.from(notAfter),
              new X500Name(new org.bouncycastle.asn1.x500.RDN[0]),
              SubjectPublicKeyInfo.getInstance(request.publicKey().encoded().bytes()));
      builder.addExtension(
          Extension.authorityKeyIdentifier, false, new AuthorityKeyIdentifier(KEY_IDENTIFIER));
      builder.addExtension(
          Extension.subjectAlternativeName,
          true,
          new GeneralNames(
              request.names().stream().map(Name::toGeneralName).toArray(GeneralName[]::new)));
      return Der.of(
          builder
              .build(
                  new JcaContentSignerBuilder("SHA256withECDSA")
                      .setProvider(BouncyCastle.PROVIDER)
                      .build(keys.getPrivate()))
              .getEncoded());
    } catch (Exception e) {
      throw new IllegalStateException(e);
    }
  }

  @Override
  public void requirePermitted(
      IssuerId issuer,
      ProfileId profile,
      Set<Name> names,
      Optional<Instant> notBefore,
      Optional<Instant> notAfter)
      throws Refused {
    if (broken.isPresent()) {
      throw broken.get();
    }
    if (profile.equals(SHORT_LIVED) && names.stream().anyMatch(name -> name instanceof IpName)) {
      throw new Refused(Reason.NOT_OF_PROFILE, "profile short-lived does not certify IP names");
    }
    for (Name name : names) {
      if (name instanceof DnsName dns && dns.value().endsWith("forbidden.example")) {
        throw new Refused(Reason.REJECTED_NAME, "policy does not allow " + dns.value());
      }
    }
    requireWithin("notBefore", notBefore);
    requireWithin("notAfter", notAfter);
  }

  private void requireWithin(String which, Optional<Instant> time) throws Refused {
    Instant now = clock.instant();
    Instant longest = now.plus(LONGEST);
    if (time.isPresent() && (time.get().isBefore(now) || time.get().isAfter(longest))) {
      throw new Refused(
          Reason.BAD_VALIDITY, which + " must lie between " + now + " and " + longest);
    }
  }

  /** Makes a certificate one that no account ordered, as those of the server itself. */
  synchronized void disown(SerialNumber serial) {
    CertificateRecord record = Objects.requireNonNull(ledger.get(serial));
    ledger.put(
        serial,
        new CertificateRecord(
            record.issuer(),
            record.serial(),
            record.profile(),
            record.request(),
            Optional.empty(),
            record.recordedAt(),
            record.notBefore(),
            record.notAfter(),
            record.state(),
            record.crlShard(),
            record.certificate(),
            record.revocation()));
  }

  /** A key that no request may use from now on. */
  synchronized void block(PublicKey key) {
    blocked.add(Der.of(key.getEncoded()));
  }

  /** A key that was reported compromised, which is to be found among those of the ledger too. */
  synchronized void compromise(PublicKey key) {
    compromised.add(Der.of(key.getEncoded()));
  }

  @Override
  public synchronized void requireUsable(SubjectPublicKey key) throws Refused {
    requireNotBlocked(key);
    if (compromised.contains(key.encoded())) {
      throw new Refused(Reason.BAD_PUBLIC_KEY, "the key is compromised, says the test");
    }
  }

  @Override
  public synchronized void requireNotBlocked(SubjectPublicKey key) throws Refused {
    if (blocked.contains(key.encoded())) {
      throw new Refused(Reason.BAD_PUBLIC_KEY, "the key is blocked by the test");
    }
  }

  @Override
  public Optional<IssuedCertificate> issued(RequestId request) {
    throw new UnsupportedOperationException("ACME settles");
  }

  @Override
  public synchronized Optional<IssuedCertificate> settle(RequestId request) {
    Optional<IssuedCertificate> issued = Optional.empty();
    for (CertificateRecord record : List.copyOf(ledger.values())) {
      if (!record.request().equals(request)) {
        continue;
      }
      switch (record.state()) {
        case RECORDED ->
            ledger.put(
                record.serial(),
                with(record, CertificateRecord.State.REVOKED, Optional.empty(), Optional.empty()));
        case ISSUED ->
            issued =
                Optional.of(
                    new IssuedCertificate(
                        record.issuer(),
                        record.serial(),
                        record.notBefore(),
                        record.notAfter(),
                        record.certificate().orElseThrow()));
        case REVOKED -> {}
      }
    }
    return issued;
  }

  @Override
  public synchronized void revoke(Revocation revocation) throws Refused {
    CertificateRecord record = ledger.get(revocation.serial());
    if (record == null) {
      throw new Refused(Reason.NOT_FOUND, "there is no such certificate");
    }
    if (record.state() == CertificateRecord.State.REVOKED) {
      throw new Refused(Reason.ALREADY_REVOKED, "the certificate is revoked already");
    }
    ledger.put(
        revocation.serial(),
        with(
            record,
            CertificateRecord.State.REVOKED,
            record.certificate(),
            Optional.of(revocation)));
  }

  private static CertificateRecord with(
      CertificateRecord record,
      CertificateRecord.State state,
      Optional<Der> certificate,
      Optional<Revocation> revocation) {
    return new CertificateRecord(
        record.issuer(),
        record.serial(),
        record.profile(),
        record.request(),
        record.account(),
        record.recordedAt(),
        record.notBefore(),
        record.notAfter(),
        state,
        record.crlShard(),
        certificate,
        revocation);
  }

  @Override
  public synchronized Optional<CertificateRecord> find(IssuerId issuer, SerialNumber serial) {
    return Optional.ofNullable(ledger.get(serial)).filter(found -> found.issuer().equals(issuer));
  }

  /** Two chains of one certificate each, to have an alternate. */
  @Override
  public List<List<Der>> chains(IssuerId issuer) {
    List<List<Der>> chains = new ArrayList<>();
    for (int i = 1; i <= 2; i++) {
      try {
        chains.add(
            List.of(
                Der.of(
                    new X509v3CertificateBuilder(
                            new X500Name("CN=Root " + i),
                            BigInteger.valueOf(i),
                            Date.from(Instant.EPOCH),
                            Date.from(clock.instant().plus(365, ChronoUnit.DAYS)),
                            ISSUER_NAME,
                            SubjectPublicKeyInfo.getInstance(keys.getPublic().getEncoded()))
                        .build(
                            new JcaContentSignerBuilder("SHA256withECDSA")
                                .setProvider(BouncyCastle.PROVIDER)
                                .build(keys.getPrivate()))
                        .getEncoded())));
      } catch (Exception e) {
        throw new IllegalStateException(e);
      }
    }
    return chains;
  }

  static KeyPair generate() {
    return generate("EC", "secp256r1");
  }

  static KeyPair generate(String algorithm, String curve) {
    try {
      KeyPairGenerator generator = KeyPairGenerator.getInstance(algorithm, BouncyCastle.PROVIDER);
      generator.initialize(new ECGenParameterSpec(curve));
      return generator.generateKeyPair();
    } catch (java.security.GeneralSecurityException e) {
      throw new IllegalStateException(e);
    }
  }
}
