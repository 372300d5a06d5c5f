package dev.chancery.crl;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.chancery.testing.DatabaseKind;
import dev.chancery.testing.S3Server;
import io.javalin.Javalin;
import java.io.IOException;
import java.math.BigInteger;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;
import software.amazon.awssdk.auth.credentials.AwsBasicCredentials;
import software.amazon.awssdk.auth.credentials.StaticCredentialsProvider;
import software.amazon.awssdk.core.ResponseBytes;
import software.amazon.awssdk.core.checksums.RequestChecksumCalculation;
import software.amazon.awssdk.core.checksums.ResponseChecksumValidation;
import software.amazon.awssdk.core.sync.RequestBody;
import software.amazon.awssdk.http.urlconnection.UrlConnectionHttpClient;
import software.amazon.awssdk.regions.Region;
import software.amazon.awssdk.services.s3.S3Client;
import software.amazon.awssdk.services.s3.model.GetObjectResponse;

/** A bucket of a storage that checks signatures, in a process of its own. */
@Execution(ExecutionMode.CONCURRENT)
@Timeout(180)
final class S3TargetTest {
  private static final Duration FRESHNESS = Duration.ofMinutes(5);

  @TempDir Path folder;

  private S3Server server;
  private CrlFixture crl;
  private CrlShelf shelf;
  private CrlPublisher publisher;
  private S3Client reader;
  private S3Target target;

  @BeforeEach
  void open() throws Exception {
    server = S3Server.start(folder);
    reader =
        S3Client.builder()
            .httpClientBuilder(UrlConnectionHttpClient.builder())
            .endpointOverride(server.endpoint())
            .region(Region.US_EAST_1)
            .forcePathStyle(true)
            .requestChecksumCalculation(RequestChecksumCalculation.WHEN_REQUIRED)
            .responseChecksumValidation(ResponseChecksumValidation.WHEN_REQUIRED)
            .credentialsProvider(
                StaticCredentialsProvider.create(
                    AwsBasicCredentials.create(S3Server.ACCESS_KEY_ID, S3Server.SECRET_ACCESS_KEY)))
            .build();
    reader.createBucket(bucket -> bucket.bucket("crls"));
    crl = new CrlFixture(DatabaseKind.H2, folder);
    shelf = crl.shelf();
    publisher = crl.publisher(shelf);
    target = target(S3Server.SECRET_ACCESS_KEY);
  }

  @AfterEach
  void close() throws Exception {
    target.close();
    reader.close();
    publisher.close();
    crl.close();
    server.kill();
  }

  private S3Target target(String secret) {
    return new S3Target(
        new S3Target.Place(Optional.of(server.endpoint()), "us-east-1", true, "crls", "pki/"),
        () -> new S3Target.AccessKey(S3Server.ACCESS_KEY_ID, secret),
        FRESHNESS);
  }

  private ResponseBytes<GetObjectResponse> stored() {
    return reader.getObjectAsBytes(request -> request.bucket("crls").key("pki/issuing.crl"));
  }

  private CrlShelf.Copy published() throws Exception {
    publisher.publish(CrlFixture.SCOPE);
    CrlShelf.Copy copy = shelf.refresh(CrlFixture.NAME).orElseThrow();
    // The shelf deletes a copy when a newer one comes.
    Path kept = Files.copy(copy.file(), folder.resolve("kept." + copy.number()));
    return new CrlShelf.Copy(
        copy.name(),
        copy.number(),
        copy.base(),
        copy.thisUpdate(),
        copy.nextUpdate(),
        kept,
        copy.length(),
        copy.sha256());
  }

  @Test
  @DisplayName("A CRL is there with its type, for the world too; an older one never replaces it")
  void put() throws Exception {
    CrlShelf.Copy first = published();
    target.put(first);
    assertThat(stored().asByteArray()).isEqualTo(Files.readAllBytes(first.file()));
    assertThat(stored().response().contentType()).isEqualTo("application/pkix-crl");
    assertThat(stored().response().cacheControl()).isEqualTo("public, max-age=300");

    CrlShelf.Copy second = published();
    target.put(second);
    target.put(first);
    target.put(second);
    assertThat(stored().asByteArray()).isEqualTo(Files.readAllBytes(second.file()));

    // What stands between a bucket and the world, and may read it.
    Javalin front =
        Javalin.create(
                config -> {
                  config.startup.showJavalinBanner = false;
                  config.routes.get(
                      "/crl/issuing.crl", context -> context.result(stored().asByteArray()));
                })
            .start("127.0.0.1", 0);
    crl.crls.addLocation(
        CrlFixture.SCOPE, URI.create("http://127.0.0.1:" + front.port() + "/crl/issuing.crl"));
    try (PublicCrls world = new PublicCrls(List.of(crl.issuer), crl.crls, shelf, crl.clock)) {
      assertThat(world.look(CrlFixture.NAME, Set.of()).getLast())
          .isInstanceOfSatisfying(
              PublicCrls.Look.Seen.class,
              seen -> {
                assertThat(seen.crl().verified()).isTrue();
                assertThat(seen.newest()).isTrue();
              });
    } finally {
      front.stop();
    }
  }

  @Test
  @DisplayName("What is there under the right number and is not the CRL is written again, once")
  void storedWrong() throws Exception {
    CrlShelf.Copy crl = published();
    byte[] rotten = Files.readAllBytes(crl.file());
    rotten[rotten.length - 1] ^= 1;
    reader.putObject(
        object ->
            object
                .bucket("crls")
                .key("pki/issuing.crl")
                .metadata(Map.of("crl-number", crl.number().toString())),
        RequestBody.fromBytes(rotten));
    assertThat(target.put(crl)).isTrue();
    assertThat(stored().asByteArray()).isEqualTo(Files.readAllBytes(crl.file()));
    assertThat(target.put(crl)).isFalse();
  }

  @Test
  @DisplayName("Nodes that write at the same time leave the highest number")
  void racing() throws Exception {
    List<CrlShelf.Copy> copies = new ArrayList<>();
    for (int i = 0; i < 6; i++) {
      copies.add(published());
    }
    try (ExecutorService nodes = Executors.newFixedThreadPool(6)) {
      List<Future<Boolean>> done = new ArrayList<>();
      for (CrlShelf.Copy copy : copies) {
        done.add(nodes.submit(() -> putUntilDone(copy)));
      }
      for (Future<Boolean> each : done) {
        assertThat(each.get()).isTrue();
      }
    }
    assertThat(stored().asByteArray()).isEqualTo(Files.readAllBytes(copies.getLast().file()));
    assertThat(new BigInteger(stored().response().metadata().get("crl-number")))
        .isEqualTo(copies.getLast().number());
  }

  /** As the distribution does: what fails is tried again. */
  private boolean putUntilDone(CrlShelf.Copy copy) throws Exception {
    try (S3Target node = target(S3Server.SECRET_ACCESS_KEY)) {
      for (int i = 0; i < 50; i++) {
        try {
          node.put(copy);
          return true;
        } catch (IOException e) {
          Thread.sleep(20);
        }
      }
      return false;
    }
  }

  @Test
  @DisplayName("A wrong key and a storage that is down change nothing; it goes on when it is back")
  void down() throws Exception {
    CrlShelf.Copy first = published();
    target.put(first);
    CrlShelf.Copy second = published();
    try (S3Target stranger = target("another-secret")) {
      assertThatThrownBy(() -> stranger.put(second))
          .isInstanceOf(IOException.class)
          .hasMessageNotContaining("another-secret");
    }
    assertThat(stored().asByteArray()).isEqualTo(Files.readAllBytes(first.file()));

    server.kill();
    assertThatThrownBy(() -> target.put(second)).isInstanceOf(IOException.class);
    server.startAgain();
    target.put(second);
    assertThat(stored().asByteArray()).isEqualTo(Files.readAllBytes(second.file()));
  }
}
