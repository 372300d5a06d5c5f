package dev.chancery.e2e;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.SecureRandom;
import java.security.cert.X509Certificate;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import javax.net.ssl.KeyManager;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLException;
import javax.net.ssl.TrustManager;
import javax.net.ssl.X509TrustManager;

/** Octets sent to a port as they are, and all that came back until the server hung up. */
record RawExchange(boolean hungUp, String answer) {
  private static final int PATIENCE = 40_000;
  private static final Pattern STATUS_LINE = Pattern.compile("HTTP/1\\.[01] ([0-9]{3})");

  /** Sends until done or until the server does not want more, then reads to the end. */
  static RawExchange of(int port, Optional<SSLContext> tls, List<byte[]> parts) throws IOException {
    try (Socket socket = connect(port, tls)) {
      socket.setSoTimeout(PATIENCE);
      try {
        for (byte[] part : parts) {
          socket.getOutputStream().write(part);
        }
        socket.getOutputStream().flush();
        socket.shutdownOutput();
      } catch (SocketTimeoutException e) {
        throw e;
      } catch (IOException e) {
        // The server hung up before it was told everything; what it said is read below.
      }
      return read(socket.getInputStream());
    } catch (SSLException e) {
      return new RawExchange(true, "");
    }
  }

  private static RawExchange read(InputStream input) {
    ByteArrayOutputStream answer = new ByteArrayOutputStream();
    boolean hungUp = true;
    try {
      byte[] buffer = new byte[8192];
      for (int length = input.read(buffer); length >= 0; length = input.read(buffer)) {
        answer.write(buffer, 0, length);
      }
    } catch (SocketTimeoutException e) {
      hungUp = false;
    } catch (IOException e) {
      // Reset: hung up too.
    }
    return new RawExchange(hungUp, answer.toString(StandardCharsets.ISO_8859_1));
  }

  private static Socket connect(int port, Optional<SSLContext> tls) throws IOException {
    if (tls.isPresent()) {
      return tls.get().getSocketFactory().createSocket(InetAddress.getLoopbackAddress(), port);
    }
    Socket socket = new Socket();
    socket.connect(new InetSocketAddress(InetAddress.getLoopbackAddress(), port), PATIENCE);
    return socket;
  }

  /** The statuses of the answers, in their order. */
  List<Integer> statuses() {
    List<Integer> statuses = new ArrayList<>();
    STATUS_LINE
        .matcher(answer)
        .results()
        .map(MatchResult::group)
        .forEach(line -> statuses.add(Integer.parseInt(line.substring(9))));
    return statuses;
  }

  /** TLS of a client that talks to anyone; whoever talks garbage does not care whom to. */
  static SSLContext tls(KeyManager... credential) {
    try {
      SSLContext context = SSLContext.getInstance("TLS");
      context.init(credential, new TrustManager[] {new Anyone()}, new SecureRandom());
      return context;
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException(e);
    }
  }

  private static final class Anyone implements X509TrustManager {
    @Override
    public void checkClientTrusted(X509Certificate[] chain, String authType) {}

    @Override
    public void checkServerTrusted(X509Certificate[] chain, String authType) {}

    @Override
    public X509Certificate[] getAcceptedIssuers() {
      return new X509Certificate[0];
    }
  }
}
