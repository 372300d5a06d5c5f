package dev.chancery.e2e;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.math.BigInteger;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import org.bouncycastle.asn1.ASN1Integer;
import org.bouncycastle.asn1.x509.Extension;
import org.bouncycastle.cert.X509CRLHolder;
import org.bouncycastle.cert.jcajce.JcaX509CertificateHolder;
import org.bouncycastle.cert.ocsp.BasicOCSPResp;
import org.bouncycastle.cert.ocsp.CertificateID;
import org.bouncycastle.cert.ocsp.CertificateStatus;
import org.bouncycastle.cert.ocsp.OCSPReqBuilder;
import org.bouncycastle.cert.ocsp.OCSPResp;
import org.bouncycastle.cert.ocsp.RevokedStatus;
import org.bouncycastle.operator.jcajce.JcaContentVerifierProviderBuilder;
import org.bouncycastle.operator.jcajce.JcaDigestCalculatorProviderBuilder;

/** What relying parties are told of serial numbers. */
final class StatusQueries {
  private final HttpClient http;
  private final String publicUrl;
  private final X509Certificate issuer;

  StatusQueries(HttpClient http, int port, Path issuerPem) throws Exception {
    this.http = http;
    this.publicUrl = "http://localhost:" + port;
    this.issuer =
        (X509Certificate)
            CertificateFactory.getInstance("X.509")
                .generateCertificate(new ByteArrayInputStream(Files.readAllBytes(issuerPem)));
  }

  /** good, revoked or unknown, from an answer whose signature is right. */
  String ocsp(BigInteger serial) throws Exception {
    CertificateID id =
        new CertificateID(
            new JcaDigestCalculatorProviderBuilder().build().get(CertificateID.HASH_SHA1),
            new JcaX509CertificateHolder(issuer),
            serial);
    byte[] answer =
        body(
            HttpRequest.newBuilder(URI.create(publicUrl + "/ocsp"))
                .header("Content-Type", "application/ocsp-request")
                .POST(
                    HttpRequest.BodyPublishers.ofByteArray(
                        new OCSPReqBuilder().addRequest(id).build().getEncoded())));
    BasicOCSPResp basic = (BasicOCSPResp) new OCSPResp(answer).getResponseObject();
    if (!basic.isSignatureValid(
        new JcaContentVerifierProviderBuilder().build(basic.getCerts()[0]))) {
      throw new AssertionError("the signature of an OCSP answer is wrong");
    }
    if (!basic.getResponses()[0].getCertID().getSerialNumber().equals(serial)) {
      throw new AssertionError("the OCSP answer is about another serial");
    }
    CertificateStatus status = basic.getResponses()[0].getCertStatus();
    // Bouncy Castle's good is null.
    if (status == null) {
      return "good";
    }
    return status instanceof RevokedStatus ? "revoked" : "unknown";
  }

  X509CRLHolder crl() throws Exception {
    return new X509CRLHolder(
        body(HttpRequest.newBuilder(URI.create(publicUrl + "/crl/issuing.crl"))));
  }

  static BigInteger number(X509CRLHolder crl) {
    return ASN1Integer.getInstance(crl.getExtension(Extension.cRLNumber).getParsedValue())
        .getValue();
  }

  private byte[] body(HttpRequest.Builder request) throws IOException, InterruptedException {
    HttpResponse<byte[]> response =
        http.send(request.build(), HttpResponse.BodyHandlers.ofByteArray());
    if (response.statusCode() != 200) {
      throw new AssertionError(response + " is no answer");
    }
    return response.body();
  }
}
