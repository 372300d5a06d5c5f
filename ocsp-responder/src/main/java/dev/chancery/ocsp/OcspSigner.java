package dev.chancery.ocsp;

import dev.chancery.core.Der;
import dev.chancery.core.SignatureValue;
import dev.chancery.core.TokenAway;
import dev.chancery.hsm.OcspKey;
import java.io.IOException;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import org.bouncycastle.asn1.ASN1EncodableVector;
import org.bouncycastle.asn1.ASN1Encoding;
import org.bouncycastle.asn1.ASN1GeneralizedTime;
import org.bouncycastle.asn1.DERBitString;
import org.bouncycastle.asn1.DEROctetString;
import org.bouncycastle.asn1.DERSequence;
import org.bouncycastle.asn1.ocsp.BasicOCSPResponse;
import org.bouncycastle.asn1.ocsp.OCSPObjectIdentifiers;
import org.bouncycastle.asn1.ocsp.OCSPResponse;
import org.bouncycastle.asn1.ocsp.OCSPResponseStatus;
import org.bouncycastle.asn1.ocsp.ResponderID;
import org.bouncycastle.asn1.ocsp.ResponseBytes;
import org.bouncycastle.asn1.ocsp.ResponseData;
import org.bouncycastle.asn1.x509.Extension;
import org.bouncycastle.asn1.x509.Extensions;
import org.bouncycastle.cert.X509CertificateHolder;

/** A key and the certificate by which an issuer lets it sign OCSP answers. */
final class OcspSigner {
  private final OcspKey key;
  private final X509CertificateHolder certificate;
  private final Instant notBefore;
  private final Instant notAfter;
  private final ResponderID responder;

  OcspSigner(OcspKey key, X509CertificateHolder certificate, Instant notBefore, Instant notAfter) {
    this.key = key;
    this.certificate = certificate;
    this.notBefore = notBefore;
    this.notAfter = notAfter;
    this.responder = new ResponderID(new DEROctetString(keyHash(certificate)));
  }

  Instant notAfter() {
    return notAfter;
  }

  boolean isValidAt(Instant instant) {
    return !instant.isBefore(notBefore) && instant.isBefore(notAfter);
  }

  /**
   * The signed OCSPResponse (RFC 6960 section 4.2.1), with the signer's certificate in it.
   *
   * @throws TokenAway when the key does not answer
   */
  Der sign(
      List<CertificateAnswer> answers,
      Instant now,
      Instant thisUpdate,
      Instant nextUpdate,
      Optional<Der> nonce)
      throws TokenAway {
    // Bouncy Castle parses each time that it is given as text.
    ASN1GeneralizedTime producedAt = CertificateAnswer.time(now);
    ASN1GeneralizedTime from =
        thisUpdate.equals(now) ? producedAt : CertificateAnswer.time(thisUpdate);
    ASN1GeneralizedTime until = CertificateAnswer.time(nextUpdate);
    ASN1EncodableVector singles = new ASN1EncodableVector(answers.size());
    answers.forEach(answer -> singles.add(answer.encoded(from, until)));
    ResponseData data =
        new ResponseData(
            responder,
            producedAt,
            new DERSequence(singles),
            nonce.map(OcspSigner::echo).orElse(null));
    SignatureValue signature = key.sign(data);
    BasicOCSPResponse signed =
        new BasicOCSPResponse(
            data,
            key.scheme().identifier(),
            new DERBitString(signature.octets()),
            new DERSequence(certificate.toASN1Structure()));
    try {
      ResponseBytes bytes =
          new ResponseBytes(
              OCSPObjectIdentifiers.id_pkix_ocsp_basic,
              new DEROctetString(signed.getEncoded(ASN1Encoding.DER)));
      OCSPResponseStatus successful = new OCSPResponseStatus(OCSPResponseStatus.SUCCESSFUL);
      return Der.of(new OCSPResponse(successful, bytes).getEncoded(ASN1Encoding.DER));
    } catch (IOException e) {
      throw new IllegalStateException("a signed answer always has an encoding", e);
    }
  }

  private static Extensions echo(Der nonce) {
    try {
      byte[] value = new DEROctetString(nonce.bytes()).getEncoded(ASN1Encoding.DER);
      return new Extensions(new Extension(OCSPObjectIdentifiers.id_pkix_ocsp_nonce, false, value));
    } catch (IOException e) {
      throw new IllegalStateException("octets always have an encoding", e);
    }
  }

  /** RFC 6960 section 4.2.1: KeyHash is the SHA-1 of the key's bits, without tag and length. */
  private static byte[] keyHash(X509CertificateHolder certificate) {
    try {
      return MessageDigest.getInstance("SHA-1")
          .digest(certificate.getSubjectPublicKeyInfo().getPublicKeyData().getOctets());
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every JDK has SHA-1", e);
    }
  }
}
