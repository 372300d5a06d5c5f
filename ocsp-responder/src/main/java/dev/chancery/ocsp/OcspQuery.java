package dev.chancery.ocsp;

import dev.chancery.core.Der;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import org.bouncycastle.asn1.ASN1Encodable;
import org.bouncycastle.asn1.ASN1Encoding;
import org.bouncycastle.asn1.ASN1Integer;
import org.bouncycastle.asn1.ASN1ObjectIdentifier;
import org.bouncycastle.asn1.ASN1OctetString;
import org.bouncycastle.asn1.ASN1Primitive;
import org.bouncycastle.asn1.DERNull;
import org.bouncycastle.asn1.ocsp.CertID;
import org.bouncycastle.asn1.ocsp.OCSPObjectIdentifiers;
import org.bouncycastle.asn1.ocsp.OCSPRequest;
import org.bouncycastle.asn1.ocsp.Request;
import org.bouncycastle.asn1.ocsp.TBSRequest;
import org.bouncycastle.asn1.x509.Extension;
import org.bouncycastle.asn1.x509.Extensions;
import org.jspecify.annotations.Nullable;

/**
 * A well-formed OCSP request (RFC 6960 section 4.1). Who sent it and whether it is signed make no
 * difference to the answer, so that is not kept.
 *
 * @param certificates the certificates asked about, at least one
 * @param nonce the octets to be echoed (RFC 9654), 1 to 128 of them
 */
record OcspQuery(List<CertificateId> certificates, Optional<Der> nonce) {
  /** The longest request that is read, in octets: room for a signed one with its chain. */
  static final int LONGEST = 16 * 1024;

  /** The most certificates that one request may ask about; each costs a look into the ledger. */
  static final int MOST_CERTIFICATES = 20;

  private static final int LONGEST_NONCE = 128;

  OcspQuery {
    certificates = List.copyOf(certificates);
  }

  /**
   * One certificate as the client names it.
   *
   * @param encoded the CertID, to be repeated in the answer
   */
  record CertificateId(
      ASN1ObjectIdentifier hash,
      Der issuerName,
      Der issuerKey,
      ASN1Integer serial,
      CertID encoded) {

    private static CertificateId of(CertID id) throws NotAnswered {
      // The parameters of a hash are absent or NULL; anything else would be repeated unread.
      ASN1Encodable parameters = id.getHashAlgorithm().getParameters();
      if (parameters != null && !parameters.toASN1Primitive().equals(DERNull.INSTANCE)) {
        throw malformed();
      }
      return new CertificateId(
          id.getHashAlgorithm().getAlgorithm(),
          Der.of(id.getIssuerNameHash().getOctets()),
          Der.of(id.getIssuerKeyHash().getOctets()),
          id.getSerialNumber(),
          id);
    }
  }

  /**
   * Reads a request.
   *
   * @throws NotAnswered with {@link OcspError#MALFORMED_REQUEST} when it is too long, not an OCSP
   *     request of version 1, asks about no or too many certificates, or has a critical extension
   *     or a nonce that cannot be honoured
   */
  static OcspQuery parse(byte[] encoded) throws NotAnswered {
    if (encoded.length > LONGEST) {
      throw malformed();
    }
    try {
      // fromByteArray refuses octets after the request.
      OCSPRequest request = OCSPRequest.getInstance(ASN1Primitive.fromByteArray(encoded));
      // Bouncy Castle decodes lazily: writing everything out again reads every part of it.
      request.getEncoded(ASN1Encoding.DER);
      return of(request.getTbsRequest());
    } catch (IOException | RuntimeException e) {
      // Bouncy Castle reports malformed input by unchecked exceptions as well.
      throw malformed();
    }
  }

  /**
   * The CertID in a request that consists of nothing else, as most do: one certificate, no
   * extensions, no name, no signature. Looks at no more than the headers of what is around it, so
   * what it returns is a CertID only if an equal one is known as such.
   */
  static Optional<Der> bareCertificateId(byte[] encoded) {
    int start = 0;
    // OCSPRequest, TBSRequest, requestList, Request: each a SEQUENCE that goes to the end.
    for (int depth = 0; depth < 4; depth++) {
      start = contentToEnd(encoded, start);
      if (start < 0) {
        return Optional.empty();
      }
    }
    return Optional.of(Der.of(Arrays.copyOfRange(encoded, start, encoded.length)));
  }

  /** Where the content of a SEQUENCE begins that takes up the rest; negative for anything else. */
  private static int contentToEnd(byte[] encoded, int start) {
    if (encoded.length - start < 2 || encoded[start] != 0x30) {
      return -1;
    }
    int length = encoded[start + 1];
    int content = start + 2;
    if (length == (byte) 0x81 && content < encoded.length) {
      length = encoded[content] & 0xff;
      content++;
      if (length < 0x80) {
        return -1;
      }
    }
    return length >= 0 && length == encoded.length - content ? content : -1;
  }

  /** A CertID that {@link #encoded} wrote. */
  static CertificateId certificateId(Der encoded) throws NotAnswered {
    return CertificateId.of(CertID.getInstance(encoded.bytes()));
  }

  /** The encoding of a CertID, by which equal questions are known. */
  static Der encoded(CertID id) {
    try {
      return Der.of(id.getEncoded(ASN1Encoding.DER));
    } catch (IOException e) {
      throw new IllegalStateException("a CertID always has an encoding", e);
    }
  }

  private static OcspQuery of(TBSRequest request) throws NotAnswered {
    int count = request.getRequestList().size();
    if (!request.getVersion().hasValue(0) || count == 0 || count > MOST_CERTIFICATES) {
      throw malformed();
    }
    List<CertificateId> certificates = new ArrayList<>(count);
    for (ASN1Encodable element : request.getRequestList()) {
      Request single = Request.getInstance(element);
      refuseCritical(single.getSingleRequestExtensions());
      certificates.add(CertificateId.of(single.getReqCert()));
    }
    Extensions extensions = request.getRequestExtensions();
    refuseCritical(extensions);
    return new OcspQuery(certificates, nonce(extensions));
  }

  /** RFC 6960 section 4.4: what is critical and not understood ends the request. */
  private static void refuseCritical(@Nullable Extensions extensions) throws NotAnswered {
    if (extensions == null) {
      return;
    }
    for (ASN1ObjectIdentifier critical : extensions.getCriticalExtensionOIDs()) {
      if (!critical.equals(OCSPObjectIdentifiers.id_pkix_ocsp_nonce)) {
        throw malformed();
      }
    }
  }

  /** RFC 9654 section 2.1: a nonce of no or more than 128 octets is malformed. */
  private static Optional<Der> nonce(@Nullable Extensions extensions) throws NotAnswered {
    Extension extension =
        extensions == null
            ? null
            : extensions.getExtension(OCSPObjectIdentifiers.id_pkix_ocsp_nonce);
    if (extension == null) {
      return Optional.empty();
    }
    byte[] octets = ASN1OctetString.getInstance(extension.getParsedValue()).getOctets();
    if (octets.length == 0 || octets.length > LONGEST_NONCE) {
      throw malformed();
    }
    return Optional.of(Der.of(octets));
  }

  private static NotAnswered malformed() {
    return new NotAnswered(OcspError.MALFORMED_REQUEST);
  }
}
