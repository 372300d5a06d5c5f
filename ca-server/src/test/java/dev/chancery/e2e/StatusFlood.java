package dev.chancery.e2e;

import java.math.BigInteger;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.ByteBuffer;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.bouncycastle.asn1.DEROctetString;
import org.bouncycastle.asn1.ocsp.OCSPObjectIdentifiers;
import org.bouncycastle.asn1.x509.Extension;
import org.bouncycastle.asn1.x509.Extensions;
import org.bouncycastle.cert.jcajce.JcaX509CertificateHolder;
import org.bouncycastle.cert.ocsp.CertificateID;
import org.bouncycastle.cert.ocsp.OCSPReqBuilder;
import org.bouncycastle.cert.ocsp.OCSPResp;
import org.bouncycastle.operator.jcajce.JcaDigestCalculatorProviderBuilder;

/** Clients that ask for one OCSP answer after the other, each with a nonce of its own. */
final class StatusFlood implements AutoCloseable {
  private static final Duration PATIENCE = Duration.ofSeconds(30);
  private static final Duration PAUSE = Duration.ofMillis(200);

  private final URI url;
  private final X509Certificate issuer;
  private final HttpClient http = HttpClient.newHttpClient();
  private final ExecutorService clients = Executors.newVirtualThreadPerTaskExecutor();
  private final List<Future<?>> running = new ArrayList<>();
  private final AtomicLong number = new AtomicLong();
  private final AtomicInteger signed = new AtomicInteger();
  private final AtomicInteger putOff = new AtomicInteger();
  private volatile boolean on = true;

  private StatusFlood(int port, X509Certificate issuer) {
    this.url = URI.create("http://127.0.0.1:" + port + "/ocsp");
    this.issuer = issuer;
  }

  static StatusFlood start(int port, X509Certificate issuer, int clients) {
    StatusFlood flood = new StatusFlood(port, issuer);
    for (int i = 0; i < clients; i++) {
      flood.running.add(
          flood.clients.submit(() -> {
            while (flood.on) {
              flood.ask();
            }
            return null;
          }));
    }
    return flood;
  }

  private void ask() throws Exception {
    long next = number.incrementAndGet();
    CertificateID id =
        new CertificateID(
            new JcaDigestCalculatorProviderBuilder().build().get(CertificateID.HASH_SHA1),
            new JcaX509CertificateHolder(issuer),
            BigInteger.valueOf(next));
    byte[] nonce = ByteBuffer.allocate(16).putLong(next).array();
    byte[] request =
        new OCSPReqBuilder()
            .addRequest(id)
            .setRequestExtensions(
                new Extensions(
                    new Extension(
                        OCSPObjectIdentifiers.id_pkix_ocsp_nonce,
                        false,
                        new DEROctetString(nonce).getEncoded())))
            .build()
            .getEncoded();
    HttpResponse<byte[]> answer =
        http.send(
            HttpRequest.newBuilder(url)
                .header("Content-Type", "application/ocsp-request")
                .timeout(PATIENCE)
                .POST(HttpRequest.BodyPublishers.ofByteArray(request))
                .build(),
            HttpResponse.BodyHandlers.ofByteArray());
    switch (new OCSPResp(answer.body()).getStatus()) {
      case OCSPResp.SUCCESSFUL -> signed.incrementAndGet();
      case OCSPResp.TRY_LATER -> {
        putOff.incrementAndGet();
        // The token is to be short, not the processor, of which this process takes a part.
        Thread.sleep(PAUSE);
      }
      default -> throw new AssertionError("OCSP status of " + answer);
    }
  }

  /** How many answers were signed. */
  int signed() {
    return signed.get();
  }

  /** How many were told to try later. */
  int putOff() {
    return putOff.get();
  }

  /** Ends, and throws what a client met. */
  @Override
  public void close() {
    on = false;
    // Waits for all of them.
    clients.close();
    http.close();
    for (Future<?> each : running) {
      if (each.state() == Future.State.FAILED) {
        throw new AssertionError(each.exceptionNow());
      }
    }
  }
}
