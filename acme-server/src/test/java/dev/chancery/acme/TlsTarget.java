package dev.chancery.acme;

import dev.chancery.core.BouncyCastle;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.math.BigInteger;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.security.KeyPair;
import java.security.Principal;
import java.security.PrivateKey;
import java.security.cert.X509Certificate;
import java.security.interfaces.RSAPublicKey;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Date;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Function;
import javax.net.ssl.ExtendedSSLSession;
import javax.net.ssl.KeyManager;
import javax.net.ssl.SNIHostName;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.X509ExtendedKeyManager;
import org.bouncycastle.asn1.DEROctetString;
import org.bouncycastle.asn1.x500.X500Name;
import org.bouncycastle.asn1.x509.Extension;
import org.bouncycastle.asn1.x509.GeneralName;
import org.bouncycastle.asn1.x509.GeneralNames;
import org.bouncycastle.cert.jcajce.JcaX509CertificateConverter;
import org.bouncycastle.cert.jcajce.JcaX509v3CertificateBuilder;
import org.bouncycastle.operator.jcajce.JcaContentSignerBuilder;
import org.jspecify.annotations.Nullable;

/** A TLS server on the loopback address that shows, for each server name, what a test wants. */
final class TlsTarget implements AutoCloseable {
  static final KeyPair KEYS = TestAuthority.generate();

  /** What a client asked for. */
  record Hello(List<String> serverNames, List<String> protocols) {}

  private record Shown(KeyPair keys, List<X509Certificate> chain) {}

  final List<Hello> hellos = new CopyOnWriteArrayList<>();
  private final ServerSocket socket;
  private final Map<String, Shown> shown = new ConcurrentHashMap<>();
  private volatile Function<List<String>, @Nullable String> selector =
      offered -> offered.contains(TlsAlpn01.PROTOCOL) ? TlsAlpn01.PROTOCOL : null;

  TlsTarget() {
    try {
      socket = new ServerSocket(0, 50, InetAddress.ofLiteral("127.0.0.1"));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    Thread.ofVirtual().start(this::serve);
  }

  int port() {
    return socket.getLocalPort();
  }

  void show(String serverName, X509Certificate... chain) {
    show(serverName, KEYS, chain);
  }

  void show(String serverName, KeyPair keys, X509Certificate... chain) {
    shown.put(serverName, new Shown(keys, List.of(chain)));
  }

  /** Null ends the handshake, the empty text ignores ALPN. */
  void select(Function<List<String>, @Nullable String> choice) {
    selector = choice;
  }

  private void serve() {
    while (!socket.isClosed()) {
      try {
        Socket accepted = socket.accept();
        Thread.ofVirtual().start(() -> shake(accepted));
      } catch (IOException e) {
        // The test ends.
      }
    }
  }

  private void shake(Socket accepted) {
    try (accepted) {
      SSLContext context = SSLContext.getInstance("TLS");
      context.init(new KeyManager[] {new Chains()}, null, null);
      SSLSocket tls = (SSLSocket) context.getSocketFactory().createSocket(accepted, null, true);
      List<String> offered = new ArrayList<>();
      tls.setHandshakeApplicationProtocolSelector((one, protocols) -> {
        offered.addAll(protocols);
        hellos.add(new Hello(names(one), List.copyOf(offered)));
        return selector.apply(protocols);
      });
      tls.startHandshake();
      int _ = tls.getInputStream().read();
    } catch (Exception e) {
      // The validator saw what it wanted, or a test breaks the handshake.
    }
  }

  private static List<String> names(SSLSocket tls) {
    return ((ExtendedSSLSession) tls.getHandshakeSession())
        .getRequestedServerNames().stream()
            .map(name -> ((SNIHostName) name).getAsciiName())
            .toList();
  }

  /** The chain by the server name that is asked for. */
  private final class Chains extends X509ExtendedKeyManager {
    @Override
    public @Nullable String chooseServerAlias(
        String type, Principal @Nullable [] issuers, @Nullable Socket socket) {
      List<String> names = names((SSLSocket) socket);
      if (names.size() != 1 || !shown.containsKey(names.getFirst())) {
        return null;
      }
      boolean rsa = shown.get(names.getFirst()).keys().getPublic() instanceof RSAPublicKey;
      return type.equals(rsa ? "RSA" : "EC") ? names.getFirst() : null;
    }

    @Override
    public X509Certificate[] getCertificateChain(String alias) {
      return shown.get(alias).chain().toArray(X509Certificate[]::new);
    }

    @Override
    public PrivateKey getPrivateKey(String alias) {
      return shown.get(alias).keys().getPrivate();
    }

    @Override
    public String[] getServerAliases(String type, Principal[] issuers) {
      return shown.keySet().toArray(String[]::new);
    }

    @Override
    public String[] getClientAliases(String type, Principal[] issuers) {
      return new String[0];
    }

    @Override
    public @Nullable String chooseClientAlias(String[] types, Principal[] issuers, Socket socket) {
      return null;
    }
  }

  /** A certificate for KEYS, right unless something is changed. */
  static final class Maker {
    private final List<GeneralName> names = new ArrayList<>();
    private Optional<byte[]> identifier = Optional.empty();
    private boolean critical = true;
    private String issuer = "CN=challenge";
    private KeyPair signer = KEYS;

    Maker(String keyAuthorization, GeneralName... names) {
      this.names.addAll(List.of(names));
      identifier(new byte[] {4, 32}, Sha256.of(keyAuthorization));
    }

    static Maker forDns(String name, String keyAuthorization) {
      return new Maker(keyAuthorization, new GeneralName(GeneralName.dNSName, name));
    }

    Maker identifier(byte[]... pieces) {
      byte[] all = new byte[0];
      for (byte[] piece : pieces) {
        byte[] longer = java.util.Arrays.copyOf(all, all.length + piece.length);
        System.arraycopy(piece, 0, longer, all.length, piece.length);
        all = longer;
      }
      identifier = Optional.of(all);
      return this;
    }

    Maker withoutIdentifier() {
      identifier = Optional.empty();
      return this;
    }

    Maker notCritical() {
      critical = false;
      return this;
    }

    Maker issuedBy(String name, KeyPair keys) {
      issuer = name;
      signer = keys;
      return this;
    }

    X509Certificate make() {
      try {
        JcaX509v3CertificateBuilder builder =
            new JcaX509v3CertificateBuilder(
                new X500Name(issuer),
                BigInteger.ONE,
                Date.from(Instant.EPOCH),
                Date.from(Instant.EPOCH.plusSeconds(1)),
                new X500Name("CN=challenge"),
                KEYS.getPublic());
        if (!names.isEmpty()) {
          builder.addExtension(
              Extension.subjectAlternativeName,
              false,
              new GeneralNames(names.toArray(GeneralName[]::new)));
        }
        if (identifier.isPresent()) {
          builder.addExtension(
              new Extension(
                  TlsAlpn01.ACME_IDENTIFIER, critical, new DEROctetString(identifier.get())));
        }
        return new JcaX509CertificateConverter()
            .getCertificate(
                builder.build(
                    new JcaContentSignerBuilder("SHA256withECDSA")
                        .setProvider(BouncyCastle.PROVIDER)
                        .build(signer.getPrivate())));
      } catch (Exception e) {
        throw new IllegalStateException(e);
      }
    }
  }

  @Override
  public void close() {
    try {
      socket.close();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
