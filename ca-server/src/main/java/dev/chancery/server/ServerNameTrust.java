package dev.chancery.server;

import java.net.InetAddress;
import java.net.Socket;
import java.security.cert.CertificateException;
import java.security.cert.X509Certificate;
import java.util.Collection;
import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.TrustManager;
import javax.net.ssl.X509ExtendedTrustManager;
import javax.net.ssl.X509TrustManager;

/**
 * Trusts a server whose certificate leads to a root and is for one fixed name, by whatever address
 * it was reached. The admin listener is reached by an address of this machine, and an issuer's name
 * constraints can keep such addresses out of certificates.
 */
final class ServerNameTrust extends X509ExtendedTrustManager {
  private final X509TrustManager roots;
  private final String name;

  private ServerNameTrust(X509TrustManager roots, String name) {
    this.roots = roots;
    this.name = name;
  }

  static ServerNameTrust of(TrustManager[] roots, String name) {
    return Stream.of(roots)
        .filter(X509TrustManager.class::isInstance)
        .map(X509TrustManager.class::cast)
        .findFirst()
        .map(found -> new ServerNameTrust(found, written(name)))
        .orElseThrow(() -> new IllegalStateException("no trust manager for X.509"));
  }

  /** As the JDK writes it: an IPv6 address has several forms. */
  private static String written(String name) {
    return name.contains(":") ? InetAddress.ofLiteral(name).getHostAddress() : name;
  }

  @Override
  public void checkServerTrusted(X509Certificate[] chain, String authType)
      throws CertificateException {
    roots.checkServerTrusted(chain, authType);
    // This server's own certificates have no wildcards.
    Collection<List<?>> names =
        Objects.requireNonNullElse(chain[0].getSubjectAlternativeNames(), List.of());
    if (names.stream()
        .noneMatch(found -> found.get(1) instanceof String text && text.equalsIgnoreCase(name))) {
      throw new CertificateException("the server's certificate is not for " + name);
    }
  }

  @Override
  public void checkServerTrusted(X509Certificate[] chain, String authType, Socket socket)
      throws CertificateException {
    checkServerTrusted(chain, authType);
  }

  @Override
  public void checkServerTrusted(X509Certificate[] chain, String authType, SSLEngine engine)
      throws CertificateException {
    checkServerTrusted(chain, authType);
  }

  @Override
  public void checkClientTrusted(X509Certificate[] chain, String authType)
      throws CertificateException {
    throw new CertificateException("this is the client");
  }

  @Override
  public void checkClientTrusted(X509Certificate[] chain, String authType, Socket socket)
      throws CertificateException {
    checkClientTrusted(chain, authType);
  }

  @Override
  public void checkClientTrusted(X509Certificate[] chain, String authType, SSLEngine engine)
      throws CertificateException {
    checkClientTrusted(chain, authType);
  }

  @Override
  public X509Certificate[] getAcceptedIssuers() {
    return roots.getAcceptedIssuers();
  }
}
