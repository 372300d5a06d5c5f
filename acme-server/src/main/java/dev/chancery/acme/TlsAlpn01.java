package dev.chancery.acme;

import static java.util.stream.Collectors.joining;

import dev.chancery.core.BouncyCastle;
import dev.chancery.core.DnsName;
import dev.chancery.core.EmailName;
import dev.chancery.core.IpName;
import dev.chancery.core.Name;
import dev.chancery.core.OtherName;
import dev.chancery.core.UriName;
import java.io.IOException;
import java.net.ConnectException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.security.SecureRandom;
import java.security.cert.Certificate;
import java.security.cert.CertificateEncodingException;
import java.time.Duration;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import javax.net.ssl.SNIHostName;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.SSLSocket;
import org.bouncycastle.asn1.ASN1ObjectIdentifier;
import org.bouncycastle.asn1.x509.Extension;
import org.bouncycastle.asn1.x509.GeneralName;
import org.bouncycastle.asn1.x509.GeneralNames;
import org.bouncycastle.cert.CertException;
import org.bouncycastle.cert.X509CertificateHolder;
import org.bouncycastle.operator.OperatorCreationException;
import org.bouncycastle.operator.jcajce.JcaContentVerifierProviderBuilder;
import org.xbill.DNS.ReverseMap;

/**
 * The tls-alpn-01 challenge (RFC 8737, RFC 8738 section 6): a TLS server that speaks acme-tls/1
 * shows a certificate made for this challenge. Nothing but the handshake is exchanged.
 */
final class TlsAlpn01 implements Validator, AutoCloseable {
  static final String PROTOCOL = "acme-tls/1";
  static final ASN1ObjectIdentifier ACME_IDENTIFIER =
      new ASN1ObjectIdentifier("1.3.6.1.5.5.7.1.31");

  private static final Duration CONNECT = Duration.ofSeconds(5);
  private static final int MOST_SHOWN = 5;
  private static final int LONGEST_SHOWN = 100;

  private final TargetAddresses addresses;
  private final int port;
  private final SecureRandom random;
  private final ScheduledExecutorService timer =
      Executors.newSingleThreadScheduledExecutor(
          Thread.ofPlatform().daemon().name("acme-handshake-deadline").factory());

  TlsAlpn01(TargetAddresses addresses, int port, SecureRandom random) {
    this.addresses = addresses;
    this.port = port;
    this.random = random;
  }

  @Override
  public Outcome attempt(Attempt attempt) {
    try {
      Optional<IOException> last = Optional.empty();
      List<InetAddress> targets = addresses.of(attempt.name().value(), attempt.deadline());
      for (InetAddress target : targets) {
        try (Socket socket = connect(target, attempt.deadline())) {
          String where = target.getHostAddress() + " port " + port;
          requireProof(attempt, handshake(socket, attempt, where), where);
          return new Outcome.Met();
        } catch (IOException e) {
          last = Optional.of(e);
        }
      }
      throw new Unmet(
          AcmeError.CONNECTION,
          "connecting to "
              + targets.getLast().getHostAddress()
              + " port "
              + port
              + ": "
              + last.map(TlsAlpn01::why).orElse("no address"),
          false);
    } catch (Unmet e) {
      return e.outcome();
    }
  }

  private Socket connect(InetAddress target, Deadline deadline) throws IOException {
    long most = deadline.within(CONNECT).left().toMillis();
    Socket socket = new Socket();
    try {
      socket.connect(new InetSocketAddress(target, port), (int) Math.max(1, most));
      return socket;
    } catch (IOException | RuntimeException e) {
      socket.close();
      throw e;
    }
  }

  private static String why(IOException e) {
    return switch (e) {
      case SocketTimeoutException late -> "no connection in time";
      case ConnectException refused -> "the connection was refused";
      default -> "there was no way to it";
    };
  }

  /** RFC 8737 section 3: the ClientHello has the name and, as the only protocol, acme-tls/1. */
  private List<X509CertificateHolder> handshake(Socket socket, Attempt attempt, String where)
      throws Unmet {
    // The library's limit is per read; a server that drips octets is cut off here.
    Future<?> cut =
        timer.schedule(
            () -> close(socket), attempt.deadline().left().toNanos(), TimeUnit.NANOSECONDS);
    String serverName = serverName(attempt.name());
    try {
      // A context of its own: a session that is resumed would show no certificate.
      SSLSocket tls =
          (SSLSocket)
              TrustAny.context(random)
                  .getSocketFactory()
                  .createSocket(socket, serverName, port, true);
      SSLParameters parameters = tls.getSSLParameters();
      parameters.setProtocols(new String[] {"TLSv1.3", "TLSv1.2"});
      parameters.setApplicationProtocols(new String[] {PROTOCOL});
      parameters.setServerNames(List.of(new SNIHostName(serverName)));
      tls.setSSLParameters(parameters);
      tls.startHandshake();
      if (!PROTOCOL.equals(tls.getApplicationProtocol())) {
        throw new Unmet(AcmeError.TLS, where + " does not speak " + PROTOCOL, false);
      }
      return parse(tls.getSession().getPeerCertificates(), where);
    } catch (IOException e) {
      throw new Unmet(
          AcmeError.TLS,
          attempt.deadline().isOver()
              ? where + " did not end the TLS handshake in time"
              : "the TLS handshake with "
                  + where
                  + " for "
                  + PROTOCOL
                  + " and "
                  + serverName
                  + " failed",
          false);
    } finally {
      cut.cancel(false);
    }
  }

  private static void close(Socket socket) {
    try {
      socket.close();
    } catch (IOException e) {
      throw new IllegalStateException("closing a socket does not fail", e);
    }
  }

  /** RFC 8738 section 6: an address is asked for by its name in in-addr.arpa or ip6.arpa. */
  static String serverName(Name name) {
    return switch (name) {
      case DnsName dns -> dns.value();
      case IpName ip -> ReverseMap.fromAddress(ip.address()).toString(true);
      case UriName uri -> throw new IllegalArgumentException("no TLS server has a URI's name");
      case EmailName email ->
          throw new IllegalArgumentException("no TLS server has a mailbox's name");
      case OtherName other -> throw new IllegalArgumentException("no TLS server has such a name");
    };
  }

  private static List<X509CertificateHolder> parse(Certificate[] chain, String where) throws Unmet {
    try {
      X509CertificateHolder[] certificates = new X509CertificateHolder[chain.length];
      for (int i = 0; i < chain.length; i++) {
        certificates[i] = new X509CertificateHolder(chain[i].getEncoded());
      }
      return List.of(certificates);
    } catch (CertificateEncodingException | IOException | RuntimeException e) {
      // Bouncy Castle reports malformed input by unchecked exceptions as well.
      throw wrong(where + " shows a malformed certificate");
    }
  }

  private static void requireProof(Attempt attempt, List<X509CertificateHolder> chain, String where)
      throws Unmet {
    if (chain.size() != 1) {
      throw wrong(where + " shows " + chain.size() + " certificates instead of one");
    }
    X509CertificateHolder certificate = chain.getFirst();
    try {
      if (!isSelfSigned(certificate)) {
        throw wrong(where + " shows a certificate that is not self-signed");
      }
      requireName(attempt.name(), certificate, where);
      requireDigest(attempt.keyAuthorization(), certificate, where);
    } catch (RuntimeException e) {
      throw wrong(where + " shows a certificate with a malformed extension");
    }
  }

  private static boolean isSelfSigned(X509CertificateHolder certificate) {
    try {
      return certificate.getIssuer().equals(certificate.getSubject())
          && certificate.isSignatureValid(
              new JcaContentVerifierProviderBuilder()
                  .setProvider(BouncyCastle.PROVIDER)
                  .build(certificate));
    } catch (CertException
        | OperatorCreationException
        | java.security.cert.CertificateException e) {
      return false;
    }
  }

  private static void requireName(Name name, X509CertificateHolder certificate, String where)
      throws Unmet {
    Extension extension = certificate.getExtension(Extension.subjectAlternativeName);
    GeneralName[] names =
        extension == null
            ? new GeneralName[0]
            : GeneralNames.getInstance(extension.getParsedValue()).getNames();
    if (names.length != 1 || !isName(name, names[0])) {
      throw wrong(
          where
              + " shows a certificate whose subjectAltName is not exactly "
              + name.value()
              + "; it names "
              + (names.length == 0
                  ? "nothing"
                  : Arrays.stream(names)
                      .limit(MOST_SHOWN)
                      .map(one -> Seen.quoted(one.toString(), LONGEST_SHOWN))
                      .collect(joining(", "))));
    }
  }

  private static boolean isName(Name name, GeneralName found) {
    GeneralName expected = name.toGeneralName();
    if (name instanceof DnsName) {
      return found.getTagNo() == GeneralName.dNSName
          && found.getName().toString().equalsIgnoreCase(name.value());
    }
    return found.equals(expected);
  }

  private static void requireDigest(
      String keyAuthorization, X509CertificateHolder certificate, String where) throws Unmet {
    Extension extension = certificate.getExtension(ACME_IDENTIFIER);
    if (extension == null) {
      throw wrong(where + " shows a certificate without the acmeIdentifier extension");
    }
    if (!extension.isCritical()) {
      throw wrong(where + " shows a certificate whose acmeIdentifier extension is not critical");
    }
    // The only DER of an OCTET STRING with these 32 octets.
    byte[] expected =
        HexFormat.of().parseHex("0420" + HexFormat.of().formatHex(Sha256.of(keyAuthorization)));
    byte[] found = extension.getExtnValue().getOctets();
    if (!Arrays.equals(expected, found)) {
      throw wrong(
          where
              + " shows a certificate whose acmeIdentifier is not the digest of the key"
              + " authorization; it is "
              + HexFormat.of().formatHex(found, 0, Math.min(found.length, LONGEST_SHOWN / 2)));
    }
  }

  private static Unmet wrong(String detail) {
    return new Unmet(AcmeError.INCORRECT_RESPONSE, detail, false);
  }

  @Override
  public void close() {
    timer.shutdownNow();
  }
}
