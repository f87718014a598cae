"""A training loop: what ``xlate profile record`` looks into. It needs PyTorch."""

import torch
import torchvision

model = torchvision.models.resnet18().cuda()
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
loss_of = torch.nn.CrossEntropyLoss()

for _ in range(20):
    images = torch.randn(64, 3, 224, 224).cuda()
    labels = torch.randint(1000, (64,)).cuda()
    optimizer.zero_grad()
    loss = loss_of(model(images), labels)
    loss.backward()
    optimizer.step()
    print(loss.item())
