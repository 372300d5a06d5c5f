package dev.chancery.server;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManager;
import javax.net.ssl.TrustManagerFactory;

/** The command line's side of the admin API; it finds the server and its credential in the home. */
final class AdminClient implements AutoCloseable {
  private static final Duration LIMIT = Duration.ofSeconds(30);

  private final HttpClient http;
  private final URI base;
  private final ObjectMapper json = new ObjectMapper();

  private AdminClient(HttpClient http, URI base) {
    this.http = http;
    this.base = base;
  }

  static AdminClient open(Home home) throws ConfigurationInvalid {
    Path credentialFile = home.adminCredential();
    Credential credential =
        Credential.read(credentialFile)
            .orElseThrow(() ->
                new ConfigurationInvalid(
                    credentialFile + ": the administrator's credential is missing"));
    TrustBundle trust = roots(home);
    try {
      URI base = URI.create(Files.readString(home.adminUrl()).strip());
      KeyManagerFactory keys = KeyManagerFactory.getInstance("PKIX");
      keys.init(credential.keyStore(), new char[0]);
      TrustManagerFactory roots = TrustManagerFactory.getInstance("PKIX");
      roots.init(trust.trustStore());
      SSLContext tls = SSLContext.getInstance("TLS");
      String name = Files.readString(home.adminServerName()).strip();
      tls.init(
          keys.getKeyManagers(),
          new TrustManager[] {ServerNameTrust.of(roots.getTrustManagers(), name)},
          null);
      HttpClient http = HttpClient.newBuilder().sslContext(tls).connectTimeout(LIMIT).build();
      return new AdminClient(http, base);
    } catch (IOException e) {
      throw new ConfigurationInvalid(
          home.adminUrl() + ": cannot be read; was the server ever started?");
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException("TLS cannot be set up", e);
    }
  }

  /** Those of the configuration, if it can be read without what serve was given by --set. */
  private static TrustBundle roots(Home home) throws ConfigurationInvalid {
    List<Path> files;
    try {
      files =
          Configuration.read(home, Map.of()).knownRoots(home).stream()
              .filter(Files::exists)
              .toList();
    } catch (ConfigurationInvalid e) {
      files = List.of(home.rootCertificate());
    }
    return TrustBundle.read(files);
  }

  JsonNode get(String path) throws CommandFailed {
    return send(HttpRequest.newBuilder(base.resolve(path)).GET());
  }

  JsonNode post(String path, JsonNode body) throws CommandFailed {
    return send(
        HttpRequest.newBuilder(base.resolve(path))
            .header("Content-Type", "application/json")
            .POST(HttpRequest.BodyPublishers.ofString(body.toString())));
  }

  JsonNode delete(String path) throws CommandFailed {
    return send(HttpRequest.newBuilder(base.resolve(path)).DELETE());
  }

  private JsonNode send(HttpRequest.Builder request) throws CommandFailed {
    try {
      HttpResponse<String> response =
          http.send(request.timeout(LIMIT).build(), HttpResponse.BodyHandlers.ofString());
      JsonNode body = json.readTree(response.body());
      if (response.statusCode() >= 400) {
        throw new CommandFailed(
            Optional.ofNullable(body.path("detail").textValue())
                .orElse("the server answered " + response.statusCode()));
      }
      return body;
    } catch (IOException e) {
      throw new CommandFailed(base + ": the server does not answer: " + e.getMessage());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new CommandFailed("interrupted");
    }
  }

  @Override
  public void close() {
    http.close();
  }
}
