package dev.chancery.ocsp;

import dev.chancery.core.CertificateStatus;
import dev.chancery.core.IssuerId;
import dev.chancery.core.KeyAlgorithm;
import dev.chancery.hsm.KeyId;
import dev.chancery.hsm.SoftwareToken;
import dev.chancery.testing.AdjustableClock;
import io.javalin.Javalin;
import java.math.BigInteger;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.security.MessageDigest;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import java.util.random.RandomGenerator;
import org.bouncycastle.asn1.ASN1Integer;
import org.bouncycastle.asn1.ASN1ObjectIdentifier;
import org.bouncycastle.asn1.DERNull;
import org.bouncycastle.asn1.DEROctetString;
import org.bouncycastle.asn1.DERSequence;
import org.bouncycastle.asn1.nist.NISTObjectIdentifiers;
import org.bouncycastle.asn1.ocsp.CertID;
import org.bouncycastle.asn1.ocsp.OCSPObjectIdentifiers;
import org.bouncycastle.asn1.ocsp.OCSPRequest;
import org.bouncycastle.asn1.ocsp.Request;
import org.bouncycastle.asn1.ocsp.TBSRequest;
import org.bouncycastle.asn1.oiw.OIWObjectIdentifiers;
import org.bouncycastle.asn1.x500.X500Name;
import org.bouncycastle.asn1.x509.AlgorithmIdentifier;
import org.bouncycastle.asn1.x509.Extension;
import org.bouncycastle.asn1.x509.Extensions;
import org.bouncycastle.cert.X509CertificateHolder;
import org.bouncycastle.cert.jcajce.JcaX509ContentVerifierProviderBuilder;
import org.bouncycastle.cert.ocsp.BasicOCSPResp;
import org.bouncycastle.cert.ocsp.OCSPResp;

/** A responder with one issuer, on a loopback port. */
final class OcspFixture implements AutoCloseable {
  static final IssuerId ISSUER = new IssuerId("issuing");
  static final ASN1ObjectIdentifier SHA1 = OIWObjectIdentifiers.idSHA1;
  static final ASN1ObjectIdentifier SHA256 = NISTObjectIdentifiers.id_sha256;
  static final ASN1ObjectIdentifier SHA384 = NISTObjectIdentifiers.id_sha384;
  static final ASN1ObjectIdentifier SHA512 = NISTObjectIdentifiers.id_sha512;
  static final Duration BOUND = Duration.ofSeconds(2);
  static final OcspSettings SETTINGS =
      new OcspSettings(Duration.ofHours(4), Duration.ofHours(1), 100_000, true, 4);
  static final DelegatedSigner.Settings SIGNER =
      new DelegatedSigner.Settings(
          new KeyId("0a"),
          KeyAlgorithm.EC_P256,
          Duration.ofHours(84),
          new X500Name("CN=issuing OCSP signer"));

  final AdjustableClock clock =
      new AdjustableClock(Instant.now().truncatedTo(ChronoUnit.SECONDS).plusMillis(300));
  final SoftwareToken token = new SoftwareToken();
  final TestAuthority authority;
  final Statuses statuses = new Statuses();
  final AtomicLong skipped = new AtomicLong();
  final StatusView view = new StatusView(statuses, BOUND, () -> System.nanoTime() + skipped.get());
  final DelegatedSigner signer;
  final OcspResponder responder;
  final HttpClient http = HttpClient.newHttpClient();
  private final Javalin server;

  OcspFixture() throws Exception {
    this(SETTINGS);
  }

  OcspFixture(OcspSettings settings) throws Exception {
    authority = new TestAuthority("Issuing CA", clock);
    signer = newSigner(SIGNER);
    signer.renewIfDue();
    responder =
        new OcspResponder(
            List.of(
                new ServedIssuer(
                    ISSUER,
                    authority.certificate(),
                    signer,
                    StatusSource.ledger(statuses, ISSUER))),
            view,
            clock,
            settings);
    OcspResource resource = new OcspResource(responder, clock);
    server =
        Javalin.create(
                config -> {
                  config.startup.showJavalinBanner = false;
                  config.jetty.modifyHttpConfiguration(
                      http -> http.setUriCompliance(OcspResource.URI_COMPLIANCE));
                  resource.mount(config.routes, "/ocsp");
                })
            .start("127.0.0.1", 0);
  }

  /** A status is set by this node, which looks at once. */
  void set(BigInteger serial, CertificateStatus status) {
    statuses.set(serial, status);
    view.look();
  }

  String url() {
    return "http://127.0.0.1:" + server.port() + "/ocsp";
  }

  @Override
  public void close() {
    server.stop();
    http.close();
    view.close();
  }

  CertID id(ASN1ObjectIdentifier hash, BigInteger serial) throws Exception {
    return id(authority.certificate(), hash, serial);
  }

  static CertID id(X509CertificateHolder issuer, ASN1ObjectIdentifier hash, BigInteger serial)
      throws Exception {
    MessageDigest digest = MessageDigest.getInstance(hash.getId());
    return new CertID(
        new AlgorithmIdentifier(hash, DERNull.INSTANCE),
        new DEROctetString(digest.digest(issuer.getSubject().getEncoded("DER"))),
        new DEROctetString(
            digest.digest(issuer.getSubjectPublicKeyInfo().getPublicKeyData().getOctets())),
        new ASN1Integer(serial));
  }

  byte[] request(BigInteger serial) throws Exception {
    return request(null, id(SHA1, serial));
  }

  static byte[] request(Extensions extensions, CertID... ids) throws Exception {
    Request[] requests = new Request[ids.length];
    for (int i = 0; i < ids.length; i++) {
      requests[i] = new Request(ids[i], null);
    }
    TBSRequest request = new TBSRequest(null, new DERSequence(requests), extensions);
    return new OCSPRequest(request, null).getEncoded("DER");
  }

  static Extensions nonce(byte[] nonce) throws Exception {
    return new Extensions(
        new Extension(
            OCSPObjectIdentifiers.id_pkix_ocsp_nonce,
            false,
            new DEROctetString(nonce).getEncoded("DER")));
  }

  /** A signer as after a restart, or on another node, with the same token and statuses. */
  DelegatedSigner newSigner(DelegatedSigner.Settings settings) {
    return new DelegatedSigner(
        ISSUER,
        token,
        authority,
        StatusSource.ledger(statuses, ISSUER),
        clock,
        RandomGenerator.getDefault(),
        settings);
  }

  HttpResponse<byte[]> post(byte[] request) throws Exception {
    return http.send(
        HttpRequest.newBuilder(URI.create(url()))
            .header("Content-Type", "application/ocsp-request")
            .POST(HttpRequest.BodyPublishers.ofByteArray(request))
            .build(),
        HttpResponse.BodyHandlers.ofByteArray());
  }

  HttpResponse<byte[]> get(String encoded, String... headers) throws Exception {
    HttpRequest.Builder request = HttpRequest.newBuilder(URI.create(url() + "/" + encoded));
    if (headers.length > 0) {
      request.headers(headers);
    }
    return http.send(request.build(), HttpResponse.BodyHandlers.ofByteArray());
  }

  /** The signed answer in a reply, after a client's checks. */
  BasicOCSPResp verified(byte[] encoded) throws Exception {
    OCSPResp response = new OCSPResp(encoded);
    if (response.getStatus() != OCSPResp.SUCCESSFUL) {
      throw new AssertionError("OCSP status " + response.getStatus());
    }
    BasicOCSPResp answer = (BasicOCSPResp) response.getResponseObject();
    X509CertificateHolder signing = answer.getCerts()[0];
    JcaX509ContentVerifierProviderBuilder verifiers = new JcaX509ContentVerifierProviderBuilder();
    if (!answer.isSignatureValid(verifiers.build(signing))
        || !signing.isSignatureValid(verifiers.build(authority.certificate()))) {
      throw new AssertionError("the answer's signature is wrong");
    }
    return answer;
  }
}
