package dev.chancery.kubernetes;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpRequest;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Asks the cluster's API server whose a token is. It knows of accounts and pods that were deleted,
 * and has to be reached for each login.
 */
final class TokenReview implements ServiceAccountTokens {
  private static final Logger LOG = LoggerFactory.getLogger(TokenReview.class);
  private static final Duration LIMIT = Duration.ofSeconds(10);

  private final ClusterHttp http;
  private final URI reviews;
  private final Path tokenFile;
  private final ObjectMapper json = new ObjectMapper();

  /**
   * @param server the API server's URL
   * @param tokenFile the token of an account that may review others'; read anew each time, for
   *     clusters replace it
   */
  TokenReview(ClusterHttp http, URI server, Path tokenFile) {
    this.http = http;
    this.reviews =
        URI.create(
            server.toString().replaceFirst("/+$", "")
                + "/apis/authentication.k8s.io/v1/tokenreviews");
    this.tokenFile = tokenFile;
  }

  @Override
  public ServiceAccount verify(String token, String audience) throws VaultProblem {
    ObjectNode review = json.createObjectNode();
    review.put("apiVersion", "authentication.k8s.io/v1").put("kind", "TokenReview");
    review.putObject("spec").put("token", token).putArray("audiences").add(audience);
    JsonNode status = reviewed(review).path("status");
    if (!status.path("authenticated").asBoolean(false)
        || !status.path("error").asText("").isEmpty()) {
      throw VaultProblem.forbidden("the cluster does not know this token, or not for its audience");
    }
    boolean meant = false;
    for (JsonNode one : status.path("audiences")) {
      meant |= audience.equals(one.textValue());
    }
    if (!meant) {
      // An API server that knows no audiences leaves them out, and has not checked them.
      throw VaultProblem.forbidden("the token is not meant for the audience of this role");
    }
    JsonNode user = status.path("user");
    return ServiceAccount.of(user.path("username").asText(""), user.path("uid").asText(""))
        .orElseThrow(() -> VaultProblem.forbidden("the token is not one of a service account"));
  }

  private JsonNode reviewed(ObjectNode review) throws VaultProblem {
    try {
      String own = Files.readString(tokenFile).strip();
      ClusterHttp.Response response =
          http.send(
              HttpRequest.newBuilder(reviews)
                  .timeout(LIMIT)
                  .header("Authorization", "Bearer " + own)
                  .header("Content-Type", "application/json")
                  .header("Accept", "application/json")
                  .POST(HttpRequest.BodyPublishers.ofString(review.toString())));
      if (response.status() / 100 == 2) {
        return json.readTree(response.body());
      }
      LOG.error("the API server answers a TokenReview with status {}", response.status());
    } catch (JsonProcessingException e) {
      // Its message could repeat what it could not read.
      LOG.error("the API server answers a TokenReview with something that is not JSON");
    } catch (IllegalArgumentException e) {
      // Nor this one: it is about a header, and the header holds the token.
      LOG.error("{}: holds no token that can be sent", tokenFile);
    } catch (IOException e) {
      LOG.error("a TokenReview cannot be asked for: {}", e.toString());
    }
    throw VaultProblem.unavailable("the cluster's API server cannot be asked at the moment");
  }
}
