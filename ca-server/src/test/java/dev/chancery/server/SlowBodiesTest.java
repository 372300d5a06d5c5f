package dev.chancery.server;

import static dev.chancery.server.VaultHome.asCertManager;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.Socket;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import javax.net.SocketFactory;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;

@DisplayName("Clients that send their bodies slowly")
@Execution(ExecutionMode.CONCURRENT)
class SlowBodiesTest {
  private static final int MOST_LOGINS = 2;

  @TempDir static Path folder;
  private static VaultHome home;
  private static JsonNode credential;

  @BeforeAll
  static void serve() throws Exception {
    try (ClusterApi cluster = new ClusterApi()) {
      Path keys = Files.writeString(folder.resolve("keys.json"), cluster.published());
      home =
          VaultHome.serve(
              folder.resolve("home"),
              Map.of(
                  "vault.mostLogins",
                  "" + MOST_LOGINS,
                  "vault.certificateLogin",
                  "true",
                  "vault.clusters.kubernetes",
                  "{issuer: '" + ClusterApi.ISSUER + "', jwksFile: '" + keys + "'}"));
    }
    home.workloadRole();
    credential = home.command("role", "credential", "create", "web");
  }

  @AfterAll
  static void stop() {
    home.close();
  }

  private static Socket begin(SocketFactory sockets, int port, String head) throws IOException {
    Socket socket = sockets.createSocket(InetAddress.getLoopbackAddress(), port);
    socket.setSoTimeout(30_000);
    socket
        .getOutputStream()
        .write(
            (head.strip().replace("\n", "\r\n") + "\r\nContent-Length: 1000\r\n\r\n{")
                .getBytes(StandardCharsets.US_ASCII));
    socket.getOutputStream().flush();
    return socket;
  }

  @Test
  @DisplayName("hold no place of a login, and keep nobody from logging in by requests to sign")
  void holdNoPlace() throws Exception {
    String token = home.login(credential).json().at("/auth/client_token").asText();
    SocketFactory tls = home.api().context().getSocketFactory();
    int port = home.addresses().apiUrl().uri().getPort();
    List<Socket> slow = new ArrayList<>();
    try {
      for (int i = 0; i < 2 * MOST_LOGINS; i++) {
        for (String path :
            List.of(
                "auth/approle/login",
                "auth/cert/login",
                "auth/kubernetes/login",
                "pki/sign/web",
                "pki/sign/mesh")) {
          slow.add(
              begin(
                  tls,
                  port,
                  "POST /v1/" + path + " HTTP/1.1\nHost: localhost\nX-Vault-Token: " + token));
        }
      }
      // The server has had the time to read what there is of them.
      Thread.sleep(1000);

      RawHttps.Answer login = home.login(credential);

      assertThat(login.status()).describedAs(login.toString()).isEqualTo(200);
      home.signed(
          "pki/sign/web",
          login.json().at("/auth/client_token").asText(),
          asCertManager("", "", TestCsr.forName("quick.corp.test").pem()));
    } finally {
      for (Socket socket : slow) {
        socket.close();
      }
    }
  }

  @Test
  @DisplayName("and may not ask to sign have no body read from them")
  void unknown() throws Exception {
    SocketFactory tls = home.api().context().getSocketFactory();
    int port = home.addresses().apiUrl().uri().getPort();
    for (String token : List.of("nonsense", "a.b.c")) {
      try (Socket socket =
          begin(
              tls,
              port,
              "POST /v1/pki/sign/web HTTP/1.1\nHost: localhost\nX-Vault-Token: " + token)) {
        assertThat(
                new String(
                    socket.getInputStream().readNBytes("HTTP/1.1 403".length()),
                    StandardCharsets.US_ASCII))
            .isEqualTo("HTTP/1.1 403");
      }
    }
  }

  @Test
  @DisplayName("are given up after ten seconds on each listener, though they are never idle")
  void deadline() throws Exception {
    URI admin = URI.create(Files.readString(home.directory.resolve("admin/url")).strip());
    RawHttps administrator =
        RawHttps.trusting(
            home.directory.resolve("root.pem"),
            admin.getPort(),
            Optional.of(Credential.read(home.directory.resolve("admin/admin.pem")).orElseThrow()));
    URI open = home.addresses().publicUrl().uri();
    URI api = home.addresses().apiUrl().uri();
    SocketFactory adminTls = administrator.context().getSocketFactory();
    SocketFactory tls = home.api().context().getSocketFactory();
    try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
      Map<String, Future<String>> answers =
          Map.of(
              "OCSP",
              threads.submit(() ->
                  dripped(
                      begin(
                          SocketFactory.getDefault(),
                          open.getPort(),
                          "POST /ocsp HTTP/1.1\nHost: localhost\nContent-Type:"
                              + " application/ocsp-request"))),
              "Vault",
              threads.submit(() ->
                  dripped(
                      begin(
                          tls,
                          api.getPort(),
                          "POST /v1/auth/approle/login HTTP/1.1\nHost: localhost"))),
              "Vault, service account",
              threads.submit(() ->
                  dripped(
                      begin(
                          tls,
                          api.getPort(),
                          "POST /v1/auth/kubernetes/login HTTP/1.1\nHost: localhost"))),
              "admin",
              threads.submit(() ->
                  dripped(
                      begin(
                          adminTls,
                          admin.getPort(),
                          "POST /admin/v1/roles HTTP/1.1\nHost: localhost"))),
              "admin, bindings",
              threads.submit(() ->
                  dripped(
                      begin(
                          adminTls,
                          admin.getPort(),
                          "POST /admin/v1/bindings HTTP/1.1\nHost: localhost"))));
      for (var answer : answers.entrySet()) {
        assertThat(answer.getValue().get()).describedAs(answer.getKey()).isEqualTo("HTTP/1.1 408");
      }
    }
  }

  /** The beginning of the answer to a request whose body comes by an octet now and then. */
  private static String dripped(Socket begun) throws IOException, InterruptedException {
    try (Socket socket = begun) {
      OutputStream output = socket.getOutputStream();
      InputStream input = socket.getInputStream();
      // 15 seconds, less than it takes for a thousand octets.
      for (int i = 0; i < 75; i++) {
        Thread.sleep(200);
        try {
          output.write(' ');
          output.flush();
        } catch (IOException e) {
          // The server has answered, and closed its end.
          break;
        }
      }
      return new String(input.readNBytes("HTTP/1.1 408".length()), StandardCharsets.US_ASCII);
    }
  }
}
