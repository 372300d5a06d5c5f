package dev.chancery.server;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.chancery.core.BouncyCastle;
import dev.chancery.core.RevocationReason;
import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.security.SecureRandom;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.bouncycastle.asn1.ASN1ObjectIdentifier;
import org.bouncycastle.asn1.ASN1OctetString;
import org.bouncycastle.asn1.DEROctetString;
import org.bouncycastle.asn1.nist.NISTObjectIdentifiers;
import org.bouncycastle.asn1.ocsp.OCSPObjectIdentifiers;
import org.bouncycastle.asn1.oiw.OIWObjectIdentifiers;
import org.bouncycastle.asn1.x509.AlgorithmIdentifier;
import org.bouncycastle.asn1.x509.ExtendedKeyUsage;
import org.bouncycastle.asn1.x509.Extension;
import org.bouncycastle.asn1.x509.Extensions;
import org.bouncycastle.asn1.x509.KeyPurposeId;
import org.bouncycastle.cert.CertException;
import org.bouncycastle.cert.X509CertificateHolder;
import org.bouncycastle.cert.jcajce.JcaX509ContentVerifierProviderBuilder;
import org.bouncycastle.cert.ocsp.BasicOCSPResp;
import org.bouncycastle.cert.ocsp.CertificateID;
import org.bouncycastle.cert.ocsp.CertificateStatus;
import org.bouncycastle.cert.ocsp.OCSPException;
import org.bouncycastle.cert.ocsp.OCSPReqBuilder;
import org.bouncycastle.cert.ocsp.OCSPResp;
import org.bouncycastle.cert.ocsp.RevokedStatus;
import org.bouncycastle.cert.ocsp.SingleResp;
import org.bouncycastle.operator.DigestCalculatorProvider;
import org.bouncycastle.operator.OperatorCreationException;
import org.bouncycastle.operator.jcajce.JcaDigestCalculatorProviderBuilder;
import org.jspecify.annotations.Nullable;

/** Asks an OCSP responder as a relying party does (RFC 6960 section 3.2), and tells all it saw. */
final class OcspInquiry {
  private static final Duration LIMIT = Duration.ofSeconds(30);
  private static final int LONGEST_ANSWER = 1024 * 1024;
  private static final int NONCE = 32;

  /** The hash in a CertID. */
  enum Hash {
    SHA1(OIWObjectIdentifiers.idSHA1),
    SHA256(NISTObjectIdentifiers.id_sha256);

    @SuppressWarnings("ImmutableEnumChecker") // an OID has no way to change
    private final ASN1ObjectIdentifier oid;

    Hash(ASN1ObjectIdentifier oid) {
      this.oid = oid;
    }
  }

  /** Why a relying party does not believe an answer. */
  private static final class NotBelieved extends Exception {
    private static final long serialVersionUID = 1L;

    private NotBelieved(String why) {
      super(why, null, false, false);
    }
  }

  private final Clock clock;
  private final SecureRandom random;

  OcspInquiry(Clock clock, SecureRandom random) {
    this.clock = clock;
    this.random = random;
  }

  static boolean isIssuedBy(X509CertificateHolder certificate, X509CertificateHolder issuer) {
    return certificate.getIssuer().equals(issuer.getSubject()) && isSigned(certificate, issuer);
  }

  /**
   * What was answered: "verified", and when it is false "problem".
   *
   * @throws CommandFailed when there is no answer to look at
   */
  ObjectNode ask(
      URI url,
      X509CertificateHolder certificate,
      X509CertificateHolder issuer,
      Hash hash,
      boolean nonce)
      throws CommandFailed {
    ObjectNode seen =
        JsonNodeFactory.instance
            .objectNode()
            .put("url", url.toString())
            .put("serial", HexFormat.of().formatHex(certificate.getSerialNumber().toByteArray()));
    byte[] sent = new byte[NONCE];
    random.nextBytes(sent);
    Optional<byte[]> expected = nonce ? Optional.of(sent) : Optional.empty();
    CertificateID id = id(certificate, issuer, hash);
    Instant asked = clock.instant();
    byte[] answer = exchange(url, request(id, expected));
    seen.put("milliseconds", Duration.between(asked, clock.instant()).toMillis());
    try {
      describe(seen, answer, id, issuer, expected);
      return seen.put("verified", true);
    } catch (NotBelieved e) {
      return seen.put("verified", false).put("problem", e.getMessage());
    } catch (IOException | OCSPException | RuntimeException e) {
      return seen.put("verified", false).put("problem", "the answer is malformed");
    }
  }

  private static CertificateID id(
      X509CertificateHolder certificate, X509CertificateHolder issuer, Hash hash) {
    try {
      DigestCalculatorProvider digests =
          new JcaDigestCalculatorProviderBuilder().setProvider(BouncyCastle.PROVIDER).build();
      return new CertificateID(
          digests.get(new AlgorithmIdentifier(hash.oid)), issuer, certificate.getSerialNumber());
    } catch (OCSPException | OperatorCreationException e) {
      throw new IllegalStateException("a CertID cannot be made", e);
    }
  }

  private static byte[] request(CertificateID id, Optional<byte[]> nonce) {
    try {
      OCSPReqBuilder request = new OCSPReqBuilder().addRequest(id);
      if (nonce.isPresent()) {
        request.setRequestExtensions(
            new Extensions(
                new Extension(
                    OCSPObjectIdentifiers.id_pkix_ocsp_nonce,
                    false,
                    new DEROctetString(nonce.get()).getEncoded())));
      }
      return request.build().getEncoded();
    } catch (OCSPException | IOException e) {
      throw new IllegalStateException("an OCSP request cannot be made", e);
    }
  }

  private static byte[] exchange(URI url, byte[] request) throws CommandFailed {
    try (HttpClient http = HttpClient.newBuilder().connectTimeout(LIMIT).build()) {
      HttpResponse<InputStream> response =
          http.send(
              HttpRequest.newBuilder(url)
                  .timeout(LIMIT)
                  .header("Content-Type", "application/ocsp-request")
                  .POST(HttpRequest.BodyPublishers.ofByteArray(request))
                  .build(),
              HttpResponse.BodyHandlers.ofInputStream());
      try (InputStream body = response.body()) {
        if (response.statusCode() != 200) {
          throw new CommandFailed(url + " answers with HTTP status " + response.statusCode());
        }
        return body.readNBytes(LONGEST_ANSWER);
      }
    } catch (IOException | IllegalArgumentException e) {
      throw new CommandFailed("no answer from " + url + ": " + e.getMessage());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new CommandFailed("interrupted");
    }
  }

  private void describe(
      ObjectNode seen,
      byte[] encoded,
      CertificateID id,
      X509CertificateHolder issuer,
      Optional<byte[]> nonce)
      throws NotBelieved, IOException, OCSPException {
    OCSPResp response = new OCSPResp(encoded);
    seen.put("response", responseStatus(response.getStatus()));
    if (response.getStatus() != OCSPResp.SUCCESSFUL) {
      throw new NotBelieved("there is no status in the answer");
    }
    if (!(response.getResponseObject() instanceof BasicOCSPResp answer)) {
      throw new NotBelieved("the answer is of an unknown type");
    }
    SingleResp single =
        Arrays.stream(answer.getResponses())
            .filter(each -> each.getCertID().equals(id))
            .findFirst()
            .orElseThrow(() -> new NotBelieved("the answer is about another certificate"));
    describeStatus(seen, single.getCertStatus());
    seen.put("producedAt", answer.getProducedAt().toInstant().toString())
        .put("thisUpdate", single.getThisUpdate().toInstant().toString());
    if (single.getNextUpdate() != null) {
      seen.put("nextUpdate", single.getNextUpdate().toInstant().toString());
    }
    X509CertificateHolder signer = signer(answer, issuer);
    seen.put("signer", signer.getSubject().toString())
        .put("signerNotAfter", signer.getNotAfter().toInstant().toString());
    requireTimes(single, signer);
    requireNonce(answer, nonce);
  }

  private static String responseStatus(int status) {
    return switch (status) {
      case OCSPResp.SUCCESSFUL -> "successful";
      case OCSPResp.MALFORMED_REQUEST -> "malformedRequest";
      case OCSPResp.INTERNAL_ERROR -> "internalError";
      case OCSPResp.TRY_LATER -> "tryLater";
      case OCSPResp.SIG_REQUIRED -> "sigRequired";
      case OCSPResp.UNAUTHORIZED -> "unauthorized";
      default -> Integer.toString(status);
    };
  }

  private static void describeStatus(ObjectNode seen, @Nullable CertificateStatus status) {
    // Bouncy Castle's word for good is null.
    if (status == null) {
      seen.put("status", "good");
    } else if (status instanceof RevokedStatus revoked) {
      seen.put("status", "revoked")
          .put("revokedAt", revoked.getRevocationTime().toInstant().toString());
      if (revoked.hasRevocationReason()) {
        int code = revoked.getRevocationReason();
        seen.put(
            "reason",
            RevocationReason.of(code)
                .map(RevocationReason::toString)
                .orElse(Integer.toString(code)));
      }
    } else {
      seen.put("status", "unknown");
    }
  }

  /** RFC 6960 section 4.2.2.2: the issuer itself, or whom it has allowed to sign answers. */
  private static X509CertificateHolder signer(BasicOCSPResp answer, X509CertificateHolder issuer)
      throws NotBelieved, OCSPException {
    for (X509CertificateHolder candidate : candidates(answer, issuer)) {
      if (isSigned(answer, candidate)) {
        if (candidate.equals(issuer)) {
          return candidate;
        }
        ExtendedKeyUsage purposes = ExtendedKeyUsage.fromExtensions(candidate.getExtensions());
        if (!isIssuedBy(candidate, issuer)
            || purposes == null
            || !purposes.hasKeyPurposeId(KeyPurposeId.id_kp_OCSPSigning)) {
          throw new NotBelieved("the answer is signed by one whom the issuer has not allowed to");
        }
        return candidate;
      }
    }
    throw new NotBelieved("the signature is wrong, or its certificate is missing");
  }

  private static List<X509CertificateHolder> candidates(
      BasicOCSPResp answer, X509CertificateHolder issuer) {
    X509CertificateHolder[] sent = answer.getCerts();
    return Stream.concat(Arrays.stream(sent), Stream.of(issuer)).toList();
  }

  private static boolean isSigned(BasicOCSPResp answer, X509CertificateHolder signer)
      throws OCSPException {
    try {
      return answer.isSignatureValid(verifiers().build(signer));
    } catch (OperatorCreationException e) {
      return false;
    }
  }

  private static boolean isSigned(X509CertificateHolder certificate, X509CertificateHolder issuer) {
    try {
      return certificate.isSignatureValid(verifiers().build(issuer));
    } catch (CertException | OperatorCreationException e) {
      return false;
    }
  }

  private static JcaX509ContentVerifierProviderBuilder verifiers() {
    return new JcaX509ContentVerifierProviderBuilder().setProvider(BouncyCastle.PROVIDER);
  }

  private void requireTimes(SingleResp single, X509CertificateHolder signer) throws NotBelieved {
    Instant now = clock.instant();
    if (single.getThisUpdate().toInstant().isAfter(now)) {
      throw new NotBelieved("thisUpdate is in the future");
    }
    if (single.getNextUpdate() != null && !now.isBefore(single.getNextUpdate().toInstant())) {
      throw new NotBelieved("nextUpdate has passed");
    }
    if (now.isBefore(signer.getNotBefore().toInstant())
        || !now.isBefore(signer.getNotAfter().toInstant())) {
      throw new NotBelieved("the signer's certificate is not valid now");
    }
  }

  private static void requireNonce(BasicOCSPResp answer, Optional<byte[]> nonce)
      throws NotBelieved {
    Extension echoed = answer.getExtension(OCSPObjectIdentifiers.id_pkix_ocsp_nonce);
    if (nonce.isPresent()
        && (echoed == null
            || !Arrays.equals(
                ASN1OctetString.getInstance(echoed.getParsedValue()).getOctets(), nonce.get()))) {
      throw new NotBelieved("the nonce did not come back");
    }
  }
}
