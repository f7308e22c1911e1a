from pathlib import Path

import pytest

from app.plan.read import load_plan
from app.plan.schema import Plan
from app.session.attempt.variables import list_withheld, select_variables
from app.session.masking import Masker
from app.session.start import describe_commands
from tests.session.conftest import HEAD

PHASE = '\n[[phase]]\nid = "a"\ntitle = "A"\ncommand = ["true"]\nestimate = { hours = [1, 1] }\n'


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    path = tmp_path / "plan.toml"
    head = HEAD.replace("[pod]", 'secrets = ["MY_TOKEN"]\nenvironment = ["MY_PATH"]\n\n[pod]')
    path.write_text(head + PHASE)
    return load_plan(path)


@pytest.mark.parametrize(
    "name",
    [
        "http_proxy",
        "HTTPS_PROXY",
        "no_proxy",
        "ALL_PROXY",
        "SSL_CERT_FILE",
        "SSL_CERT_DIR",
        "REQUESTS_CA_BUNDLE",
        "CURL_CA_BUNDLE",
        "LD_LIBRARY_PATH",
        "CUDA_VISIBLE_DEVICES",
        "CUDA_HOME",
        "CUDA_DEVICE_ORDER",
        "NCCL_DEBUG",
        "NCCL_P2P_DISABLE",
        "NVIDIA_TF32_OVERRIDE",
        "HF_HOME",
        "HF_HUB_OFFLINE",
        "HF_DATASETS_OFFLINE",
        "HF_ENDPOINT",
        "TRANSFORMERS_OFFLINE",
        "TRANSFORMERS_CACHE",
        "WANDB_MODE",
        "WANDB_PROJECT",
        "PYTORCH_CUDA_ALLOC_CONF",
        "TORCHINDUCTOR_CACHE_DIR",
        "TRITON_CACHE_DIR",
        "NANOCHAT_BASE_DIR",
        "OMP_NUM_THREADS",
        "PYTHONPATH",
        "TOKENIZERS_PARALLELISM",
        "UNSLOTH_VLLM_STANDBY",
        "MASTER_ADDR",
        "MY_TOKEN",
        "MY_PATH",
    ],
)
def test_variables_of_training_programs_are_passed(plan: Plan, name: str) -> None:
    assert select_variables(plan, {name: "x"}) == {name: "x"}
    assert list_withheld(plan, {name: "x"}) == []


@pytest.mark.parametrize(
    "name",
    [
        "HF_TOKEN",
        "WANDB_API_KEY",
        "HUGGING_FACE_HUB_TOKEN",
        "AWS_SECRET_ACCESS_KEY",
        "COMET_API_KEY",
        "MLFLOW_TRACKING_PASSWORD",
        "RUNPOD_API_KEY",
        "SSH_AUTH_SOCK",
        "GITHUB_TOKEN",
        "CLEARML_API_SECRET_FILE",
        "my_token",
        "EDITOR",
        "wandb_mode",
    ],
)
def test_secrets_and_what_no_phase_needs_are_withheld_by_name(plan: Plan, name: str) -> None:
    assert select_variables(plan, {name: "x"}) == {}
    assert list_withheld(plan, {name: "x", "PWD": "/", "_": "x"}) == [name]


def test_the_approval_lists_what_passes_and_what_is_withheld_but_no_value(plan: Plan) -> None:
    text = "\n".join(
        describe_commands(plan, {"HTTPS_PROXY": "http://proxy:1", "HF_TOKEN": "hf_x", "EDITOR": "vi"})
    )
    assert "passed to them: HTTPS_PROXY\n" in text
    assert "withheld from the phases: EDITOR, HF_TOKEN\n" in text
    assert "hf_x" not in text
    assert "http://proxy:1" not in text


@pytest.mark.parametrize("url", ["http://me:s3cret-word@proxy:8080", "socks5h://:s3cret-word@[::1]:9"])
def test_the_password_of_a_proxy_is_masked(url: str) -> None:
    masker = Masker.from_environment([], {"https_proxy": url, "no_proxy": "localhost"})
    assert masker.mask_text(f"connecting to {url}") == "connecting to " + url.replace(
        "s3cret-word", "[secret https_proxy]"
    )
    assert masker.notices == ()


def test_a_proxy_without_a_password_masks_nothing() -> None:
    masker = Masker.from_environment(
        [], {"https_proxy": "http://proxy.example:8080", "http_proxy": "http://me@proxy:1"}
    )
    assert masker.mask_text("http://proxy.example:8080 me@proxy") == "http://proxy.example:8080 me@proxy"
